import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "../../../shared/testing/waitFor.ts";
import { issueCertificate, makeAuthority } from "../../../shared/tls/certificates.ts";
import { freePort } from "../../e2e/harness/freePort.ts";
import type { Host } from "../../e2e/harness/network.ts";
import { type Place, startProgram } from "../../e2e/harness/program.ts";
import { JOB_PORTS } from "./jobSide.ts";
import type { Way } from "./traffic.ts";

/** Debian's socat: reads and writes, in large pieces, and nothing else. */
export const SOCAT = "/usr/bin/socat";
const PIECE_BYTES = 256 * 1024;
const LOOPBACK = "127.0.0.1";

/** What no tunnel of as many programs can be faster than on this machine. */
export interface Floor extends AsyncDisposable {
  /** Three programs between, as with a relay. */
  readonly relay: Way;
  /** Two, and TLS between them, as with the direct way. */
  readonly direct: Way;
}

/** To the port of the job that sends, and no other. */
export const openFloor = async (host: Host, dir: string): Promise<Floor> => {
  mkdirSync(dir, { recursive: true });
  await using undo = new AsyncDisposableStack();
  const forward = async (name: string, from: string, to: string, place?: Place): Promise<void> => {
    undo.use(
      startProgram({
        name: `socat ${name}`,
        command: [SOCAT, `-b${PIECE_BYTES}`, from, to],
        logFile: join(dir, `${name}.log`),
        env: {},
        cwd: dir,
        ...(place ? { place } : {}),
      }),
    );
  };
  const [job, onHost, between, here, tls, hereTls] = [
    `TCP:${LOOPBACK}:${JOB_PORTS.source}`,
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ];
  const listen = (port: number, ip: string) => `TCP-LISTEN:${port},bind=${ip},reuseaddr,fork`;
  await forward("host", listen(onHost, host.ip), job, host);
  await forward("between", listen(between, LOOPBACK), `TCP:${host.ip}:${onHost}`);
  await forward("here", listen(here, LOOPBACK), `TCP:${LOOPBACK}:${between}`);
  const file = await writeCertificate(dir);
  await forward(
    "host-tls",
    `OPENSSL-LISTEN:${tls},bind=${host.ip},reuseaddr,fork,verify=0,cert=${file}`,
    job,
    host,
  );
  await forward("here-tls", listen(hereTls, LOOPBACK), `OPENSSL:${host.ip}:${tls},verify=0`);
  for (const port of [here, hereTls]) await waitFor(`socat at port ${port}`, () => isOpen(port));
  const cleanUp = undo.move();
  return {
    relay: { name: "socat, 3 times", hostname: LOOPBACK, port: () => here },
    direct: { name: "socat, 2 times with TLS", hostname: LOOPBACK, port: () => hereTls },
    [Symbol.asyncDispose]: () => cleanUp.disposeAsync(),
  };
};

const writeCertificate = async (dir: string): Promise<string> => {
  const validity = { notBefore: Date.now() - 3_600_000, notAfter: Date.now() + 24 * 3_600_000 };
  const { cert, key } = await issueCertificate(await makeAuthority("floor", validity), {
    names: ["floor"],
    ...validity,
  });
  const file = join(dir, "floor.pem");
  writeFileSync(file, `${key}\n${cert}\n`, { mode: 0o600 });
  return file;
};

const isOpen = async (port: number): Promise<boolean> => {
  try {
    const socket = await Bun.connect({ hostname: LOOPBACK, port, socket: { data: () => {} } });
    socket.terminate();
    return true;
  } catch {
    return false;
  }
};
