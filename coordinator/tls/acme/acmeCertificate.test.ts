import { afterAll, beforeAll, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../../../shared/errors.ts";
import { createLogger } from "../../../shared/log.ts";
import { tempDir } from "../../../shared/testing/tempDir.ts";
import { issueCertificate, makeAuthority } from "../../../shared/tls/certificates.ts";
import { hasPebble, type Pebble, startPebble } from "../../testing/pebble.ts";
import { type AcmeOptions, openAcmeCertificate } from "./acmeCertificate.ts";

const HOUR_MS = 3_600_000;
const VALID_S = 90 * 24 * 3600;
const UNTIL_ENDED = new AbortController().signal;

const withPebble = hasPebble ? test : test.skip;
const named = (name: string) => (hasPebble ? name : `${name} [needs Debian's pebble]`);

/** A machine with a clock that can be put forward, and what it would tell its operator. */
const machine = (dir: string, pebble: Pebble) => {
  let shift = 0;
  const said: string[] = [];
  const options: AcmeOptions = {
    dir: join(dir, "acme"),
    names: ["pool.example"],
    email: "ops@pool.example",
    directoryUrl: pebble.directoryUrl,
    externalAccount: undefined,
    caAuthorities: () => [pebble.serverCa],
    challenges: { hosts: ["127.0.0.1"], port: pebble.httpPort },
    authorities: () => [pebble.rootCa],
    clock: { now: () => Date.now() + shift },
    log: createLogger({ level: "info", format: "text", write: (line) => said.push(line) }),
    random: () => 0.5,
  };
  return {
    said,
    pass: (ms: number) => {
      shift += ms;
    },
    open: (other: Partial<AcmeOptions> = {}) => openAcmeCertificate({ ...options, ...other }),
    failures: join(dir, "acme", "failures.json"),
  };
};

const failureOf = async (opening: Promise<unknown>): Promise<AppError> => {
  const err = await opening.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (err instanceof AppError) return err;
  throw err ?? new Error("It did not fail");
};

const orders = (pebble: Pebble): number => pebble.log().match(/POST \/order-plz/g)?.length ?? 0;

let pebble: Pebble;
const dir = tempDir();
beforeAll(async () => {
  if (hasPebble) pebble = await startPebble({ dir: dir.path, validS: VALID_S, blocked: ["bad.example"] });
});
afterAll(async () => {
  if (hasPebble) await pebble[Symbol.asyncDispose]();
  dir[Symbol.dispose]();
});

withPebble(
  named("the first certificate is got, kept for its owner alone, and used by the next start"),
  async () => {
    using own = tempDir();
    const here = machine(own.path, pebble);
    const names = ["Pool.example", "127.0.0.1"];
    const source = await here.open({ names });
    const cert = new X509Certificate(source.current.cert);
    expect(cert.checkHost("pool.example")).toBe("pool.example");
    expect(cert.checkIP("127.0.0.1")).toBe("127.0.0.1");
    await using server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      tls: source.current,
      fetch: () => new Response("there"),
    });
    const answer = await fetch(`https://127.0.0.1:${server.port}`, { tls: { ca: pebble.rootCa } });
    expect(await answer.text()).toBe("there");
    expect(statSync(join(own.path, "acme")).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(own.path, "acme")).sort()).toEqual(["account.key", "server.key", "server.pem"]);
    for (const name of readdirSync(join(own.path, "acme")))
      expect(statSync(join(own.path, "acme", name)).mode & 0o777).toBe(0o600);
    const before = orders(pebble);
    expect((await here.open({ names })).current).toEqual(source.current);
    expect(await source.refresh(UNTIL_ENDED)).toBe(false);
    expect(orders(pebble)).toBe(before);
  },
);

withPebble(
  named("it is renewed when two thirds of its time have passed, with the same key and account"),
  async () => {
    using own = tempDir();
    const here = machine(own.path, pebble);
    const source = await here.open();
    const { current, trust } = source;
    here.pass(VALID_S * 1000 * 0.6);
    expect(await source.refresh(UNTIL_ENDED)).toBe(false);
    here.pass(VALID_S * 1000 * 0.07);
    expect(await source.refresh(UNTIL_ENDED)).toBe(true);
    expect(source.current.cert).not.toBe(current.cert);
    expect(source.trust).toEqual(trust);
  },
);

withPebble(named("another name is asked for at the next start"), async () => {
  using own = tempDir();
  const here = machine(own.path, pebble);
  await here.open();
  const both = await here.open({ names: ["pool.example", "next.example"] });
  expect(new X509Certificate(both.current.cert).subjectAltName).toContain("next.example");
});

withPebble(
  named("a CA that is away does not matter to who has a certificate, and is asked ever less often"),
  async () => {
    using own = tempDir();
    const here = machine(own.path, pebble);
    await here.open();
    here.pass(VALID_S * 1000 * 0.7);
    const nobody = "https://127.0.0.1:9/dir";
    const source = await here.open({ directoryUrl: nobody });
    const { current } = source;
    expect((await failureOf(source.refresh(UNTIL_ENDED))).message).toContain(
      "Cannot reach the CA at https://127.0.0.1:9",
    );
    expect(await source.refresh(UNTIL_ENDED)).toBe(false);
    const pauses: number[] = [];
    for (let tries = 0; tries < 7; tries += 1) {
      const { nextAt } = JSON.parse(readFileSync(here.failures, "utf8")) as { nextAt: number };
      const waited = await (async () => {
        for (let ms = 0; ; ms += 5_000) {
          here.pass(5_000);
          const answer = await source.refresh(UNTIL_ENDED).catch(() => "failed");
          if (answer === "failed") return ms;
          if (ms > 10 * HOUR_MS) throw new Error(`It does not ask again, though that was due at ${nextAt}`);
        }
      })();
      pauses.push(Math.round(waited / 1000));
    }
    expect(pauses[0]).toBeLessThan(20);
    expect(pauses).toEqual([...pauses].sort((a, b) => a - b));
    expect(pauses.at(-1)).toBeGreaterThan(6 * 3600 - 60);
    expect(source.current).toBe(current);
    // It is there again.
    here.pass(8 * HOUR_MS);
    const again = await here.open();
    expect(await again.refresh(UNTIL_ENDED)).toBe(true);
    expect(existsSync(here.failures)).toBe(false);
  },
);

withPebble(
  named("without a certificate and without the CA, no start, and none that asks in a loop"),
  async () => {
    using own = tempDir();
    const here = machine(own.path, pebble);
    const away = { directoryUrl: "https://127.0.0.1:9/dir" };
    const first = await failureOf(here.open(away));
    expect(first.message).toContain("Cannot get a certificate for pool.example: Cannot reach the CA");
    const second = await failureOf(here.open(away));
    expect(second.message).toContain("was asked in vain (1 times");
    expect(second.hint).toContain(here.failures);
    rmSync(here.failures);
    await here.open();
  },
);

withPebble(named("a name that leads elsewhere: the CA's reason and the remedy"), async () => {
  using own = tempDir();
  const here = machine(own.path, pebble);
  await using other = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("there") });
  const failure = await failureOf(
    here.open({ challenges: { hosts: ["127.0.0.1"], port: other.port ?? 0 } }).catch((err) => {
      throw err;
    }),
  );
  expect(failure.message).toContain("Cannot listen on port");
  rmSync(here.failures);
  const unheard = await failureOf(
    here.open({ challenges: { hosts: ["127.0.0.1"], port: await unusedPort() } }),
  );
  expect(unheard.message).toContain("The CA refuses to certify pool.example (connection)");
  expect(unheard.hint).toContain("let port 80 through");
});

withPebble(named("a name that the CA does not certify"), async () => {
  using own = tempDir();
  const failure = await failureOf(machine(own.path, pebble).open({ names: ["bad.example"] }));
  expect(failure.message).toContain("rejectedIdentifier");
  expect(failure.hint).toContain("--acme-domain");
});

withPebble(named("a CA whose own server is not known here"), async () => {
  using own = tempDir();
  const failure = await failureOf(machine(own.path, pebble).open({ caAuthorities: () => [] }));
  expect(failure.message).toContain("authority that is not known here");
  expect(failure.hint).toContain("--acme-ca-file");
});

withPebble(named("a CA that wants to know whose account it is"), async () => {
  using own = tempDir();
  const hmacKey = Buffer.alloc(32, 7).toString("base64url");
  await using strict = await startPebble({ dir: own.path, externalAccounts: { "kid-1": hmacKey } });
  const here = machine(own.path, strict);
  const failure = await failureOf(here.open());
  expect(failure.message).toContain("(externalAccountRequired)");
  expect(failure.hint).toContain("DSTACK_SERVER_ACME_EAB_KID");
  const wrong = Buffer.alloc(32, 8).toString("base64url");
  rmSync(here.failures);
  const unknown = await failureOf(here.open({ externalAccount: { kid: "kid-1", hmacKey: wrong } }));
  expect(unknown.message).toContain("The CA refuses to open an account");
  expect(unknown.message).not.toContain(wrong);
  rmSync(here.failures);
  const { current } = await here.open({ externalAccount: { kid: "kid-1", hmacKey } });
  expect(new X509Certificate(current.cert).checkHost("pool.example")).toBe("pool.example");
});

withPebble(named("nonces that are refused are asked for anew"), async () => {
  using own = tempDir();
  await using picky = await startPebble({ dir: own.path, rejectedNonces: 30 });
  const here = machine(own.path, picky);
  const posts = () => picky.log().match(/POST \/(?:order-plz|finalize-order)/g)?.length ?? 0;
  // Which ones it refuses is chance: soon one of these.
  for (let asked = 1, isRefused = false; !isRefused && asked < 50; asked += 1) {
    await here.open({ names: [`pool-${asked}.example`] });
    isRefused = posts() > asked * 2;
    if (asked === 49) throw new Error("It has refused no nonce");
  }
});

/** The CA, behind somebody who says that it was asked too often. */
const limited = async (of: Pebble, retryAfter: Record<string, string>) => {
  const valid = { notBefore: Date.now() - HOUR_MS, notAfter: Date.now() + HOUR_MS };
  const authority = await makeAuthority("front", valid);
  let isLimiting = true;
  const upstream = new URL(of.directoryUrl).origin;
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    tls: await issueCertificate(authority, { ...valid, names: ["127.0.0.1"] }),
    fetch: async (request) => {
      const { pathname, host } = new URL(request.url);
      if (isLimiting && pathname === "/order-plz")
        return Response.json(
          { type: "urn:ietf:params:acme:error:rateLimited", detail: "too many certificates already issued" },
          { status: 429, headers: { ...retryAfter, "replay-nonce": "none" } },
        );
      const { method, headers } = request;
      const body = method === "POST" ? await request.text() : undefined;
      headers.set("host", host);
      return fetch(`${upstream}${pathname}`, {
        method,
        headers,
        ...(body === undefined ? {} : { body }),
        tls: { ca: of.serverCa },
      });
    },
  });
  return {
    options: { directoryUrl: `https://127.0.0.1:${server.port}/dir`, caAuthorities: () => [authority.cert] },
    allow: () => {
      isLimiting = false;
    },
    [Symbol.asyncDispose]: () => server.stop(true),
  };
};

withPebble(named("a CA that allows no more is not asked before its time"), async () => {
  using own = tempDir();
  const here = machine(own.path, pebble);
  await using front = await limited(pebble, { "retry-after": "86400" });
  const failure = await failureOf(here.open(front.options));
  expect(failure.message).toContain("(rateLimited): too many certificates already issued");
  expect(failure.hint).toContain("Nothing is asked before its time");
  front.allow();
  here.pass(23 * HOUR_MS);
  expect((await failureOf(here.open(front.options))).message).toContain("is asked again from");
  here.pass(2 * HOUR_MS);
  await here.open(front.options);
});

const unusedPort = async (): Promise<number> => {
  await using probe = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  return probe.port ?? 0;
};
