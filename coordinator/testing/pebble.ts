import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { issueCertificate, makeAuthority } from "../../shared/tls/certificates.ts";

const DAY_MS = 24 * 3_600_000;

const PEBBLE = Bun.which("pebble");
const NAME_SERVER = Bun.which("pebble-challtestsrv");

export const hasPebble = PEBBLE !== null && NAME_SERVER !== null;

export interface PebbleOptions {
  dir: string;
  /** It listens there, and all names lead there (default: loopback). */
  ip?: string;
  /** Seconds that a certificate is good for. */
  validS?: number;
  /** Names that it refuses to certify. */
  blocked?: readonly string[];
  /** In per cent: how often it refuses a good nonce. */
  rejectedNonces?: number;
  /** It takes only those who have an account with it, by key identifier: its keys in base64url. */
  externalAccounts?: Readonly<Record<string, string>>;
}

/** The ACME test server of Let's Encrypt, of Debian's package; a small name server beside it knows all names. */
export interface Pebble extends AsyncDisposable {
  directoryUrl: string;
  /** By which its own server is known, in PEM, and the file with it. */
  serverCa: string;
  serverCaFile: string;
  /** By which those are known that it certifies. */
  rootCa: string;
  /** Where it looks for proofs. */
  httpPort: number;
  log(): string;
}

export const startPebble = async (options: PebbleOptions): Promise<Pebble> => {
  const { dir, ip = "127.0.0.1", validS, blocked = [], rejectedNonces = 0, externalAccounts } = options;
  await using undo = new AsyncDisposableStack();
  const valid = { notBefore: Date.now() - DAY_MS, notAfter: Date.now() + DAY_MS };
  const authority = await makeAuthority("of the test CA", valid);
  const { cert, key } = await issueCertificate(authority, { ...valid, names: [ip] });
  const at = (name: string) => join(dir, `pebble-${name}`);
  writeFileSync(at("cert.pem"), cert);
  writeFileSync(at("key.pem"), key);
  writeFileSync(at("ca.pem"), authority.cert);
  const [port, managementPort, httpPort, dnsPort, tlsPort] = [...Array(5)].map(() => freePort(ip));
  writeFileSync(
    at("config.json"),
    JSON.stringify({
      pebble: {
        listenAddress: `${ip}:${port}`,
        managementListenAddress: `${ip}:${managementPort}`,
        certificate: at("cert.pem"),
        privateKey: at("key.pem"),
        httpPort,
        tlsPort,
        domainBlocklist: blocked,
        ...(externalAccounts
          ? { externalAccountBindingRequired: true, externalAccountMACKeys: externalAccounts }
          : {}),
        ...(validS === undefined ? {} : { certificateValidityPeriod: validS }),
      },
    }),
  );
  const start = (command: string[], env: Record<string, string> = {}) => {
    const log = openSync(at("log"), "a");
    const child = Bun.spawn(command, {
      cwd: dir,
      env,
      stdin: "ignore",
      stdout: log,
      stderr: log,
    });
    closeSync(log);
    undo.defer(async () => {
      child.kill("SIGKILL");
      await child.exited;
    });
  };
  const without = ["-http01", "", "-https01", "", "-tlsalpn01", "", "-management", ""];
  const dns = `${ip}:${dnsPort}`;
  start([NAME_SERVER ?? "", "-dns01", dns, "-defaultIPv4", ip, "-defaultIPv6", "", ...without]);
  start([PEBBLE ?? "", "-config", at("config.json"), "-dnsserver", dns], {
    PEBBLE_VA_NOSLEEP: "1",
    PEBBLE_WFE_NONCEREJECT: `${rejectedNonces}`,
    // Each order is to prove its names.
    PEBBLE_AUTHZREUSE: "0",
  });
  const directoryUrl = `https://${ip}:${port}/dir`;
  const tls = { ca: authority.cert };
  const log = () => readFileSync(at("log"), "utf8");
  const isUp = () =>
    fetch(directoryUrl, { tls }).then(
      ({ ok }) => ok,
      () => false,
    );
  await waitFor("pebble to answer", isUp, 20_000).catch((err: unknown) => {
    throw new Error(`It wrote:\n${log()}`, { cause: err });
  });
  const rootCa = await (await fetch(`https://${ip}:${managementPort}/roots/0`, { tls })).text();
  const close = undo.move();
  return {
    directoryUrl,
    serverCa: authority.cert,
    serverCaFile: at("ca.pem"),
    rootCa,
    httpPort: httpPort ?? 0,
    log,
    [Symbol.asyncDispose]: () => close.disposeAsync(),
  };
};

/** Free now, for a program that cannot choose one and say it. */
const freePort = (hostname: string): number => {
  const probe = Bun.listen({ hostname, port: 0, socket: { data: () => {} } });
  const { port } = probe;
  probe.stop(true);
  return port;
};
