import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AppError } from "../../shared/errors.ts";
import { createLogger } from "../../shared/log.ts";
import type { TrustedAuthorities } from "../../shared/protocol/trust.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { issueCertificate, makeAuthority } from "../../shared/tls/certificates.ts";
import { fingerprintOf } from "../../shared/tls/fingerprint.ts";
import { call } from "./client.ts";
import { SYSTEM_TRUST, TrustKeeper, tlsOf, trustByToken } from "./trust.ts";

const HOUR_MS = 3_600_000;
const valid = { notBefore: Date.now() - HOUR_MS, notAfter: Date.now() + HOUR_MS };
const signal = new AbortController().signal;
const log = createLogger({ level: "error", format: "json", write: () => {} });

const startServer = async (names = ["127.0.0.1"], dates = valid) => {
  const authority = await makeAuthority("one", { ...valid, notBefore: 0 });
  let offered = authority.cert;
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    tls: await issueCertificate(authority, { ...dates, names }),
    fetch: (request) => new Response(request.url.endsWith("/authorities.pem") ? offered : "{}"),
  });
  return {
    url: `https://127.0.0.1:${server.port}`,
    authority: authority.cert,
    offer: (pem: string) => {
      offered = pem;
    },
    [Symbol.asyncDispose]: () => server.stop(true),
  };
};

const keeperOf = (url: string, first: TrustedAuthorities) => {
  let current = first;
  const kept: TrustedAuthorities[] = [];
  const keeper = new TrustKeeper({
    url,
    caFile: undefined,
    current: () => current,
    keep: (next) => {
      current = next;
      kept.push(next);
    },
    log,
  });
  return { keeper, kept };
};

test("the authority that a token names is taken, among others that somebody put beside it", async () => {
  await using server = await startServer();
  const stranger = (await makeAuthority("stranger", valid)).cert;
  server.offer(stranger + server.authority);
  const trust = await trustByToken(server.url, fingerprintOf(server.authority), signal);
  expect(trust).toEqual({ authorities: [server.authority], system: false });
});

test("a coordinator with another authority is not the one", async () => {
  await using server = await startServer();
  const other = (await makeAuthority("other", valid)).cert;
  expect(trustByToken(server.url, fingerprintOf(other), signal)).rejects.toThrow(
    "is not the coordinator that this join token is of",
  );
  server.offer("rubbish");
  expect(trustByToken(server.url, fingerprintOf(server.authority), signal)).rejects.toThrow(
    "is not the coordinator",
  );
});

test("nothing is said to a coordinator whose authority is not known", async () => {
  await using server = await startServer();
  const link = { url: server.url, token: () => "secret" };
  expect(call(link, { path: "/sync", signal })).rejects.toThrow("authority that is not known here");
  const tls = tlsOf({ authorities: [server.authority], system: false }, undefined);
  expect((await call({ ...link, tls: () => tls }, { path: "/sync", signal })).status).toBe(200);
});

test("an authority is not good for other names", async () => {
  await using server = await startServer(["pool.example"]);
  const tls = tlsOf({ authorities: [server.authority], system: false }, undefined);
  const link = { url: server.url, token: () => "secret", tls: () => tls };
  expect(call(link, { path: "/sync", signal })).rejects.toThrow("for other names than this one");
});

test("a certificate that has expired is told from a clock that is wrong", async () => {
  const past = { notBefore: Date.now() - 3 * HOUR_MS, notAfter: Date.now() - 2 * HOUR_MS };
  await using server = await startServer(["127.0.0.1"], past);
  const tls = tlsOf({ authorities: [server.authority], system: false }, undefined);
  const link = { url: server.url, token: () => "secret", tls: () => tls };
  expect(call(link, { path: "/sync", signal })).rejects.toThrow(
    "its certificate has expired, and the clocks agree: have it renewed over there",
  );
});

test("what may be a coordinator that has moved says what to do on the host", async () => {
  await using server = await startServer();
  const link = { url: server.url, token: () => "secret" };
  const err = await call(link, { path: "/sync", signal }).catch((thrown: unknown) => thrown);
  expect((err as AppError).hint).toContain("run the join line of a new token of it on this host");
});

test("a file of authorities takes the place of the system's, and is refused where it has none", () => {
  using dir = tempDir();
  const path = join(dir.path, "ca.pem");
  expect(tlsOf(SYSTEM_TRUST, undefined)).toBeUndefined();
  writeFileSync(path, "nothing");
  expect(() => tlsOf(SYSTEM_TRUST, path)).toThrow("There is no certificate in");
  expect(() => tlsOf(SYSTEM_TRUST, join(dir.path, "none"))).toThrow("Cannot read");
});

test("authorities that the coordinator tells are taken when it is reached by them, and once", async () => {
  await using server = await startServer();
  const before: TrustedAuthorities = { authorities: [server.authority], system: false };
  const next = (await makeAuthority("next", valid)).cert;
  const { keeper, kept } = keeperOf(server.url, before);
  const told = { authorities: [server.authority, next], system: false };
  const digest = keeper.digest;
  await keeper.told(told, signal);
  await keeper.told(told, signal);
  expect(kept).toEqual([told]);
  expect(keeper.digest).not.toBe(digest);
  expect(keeper.tls?.ca).toEqual(told.authorities);
});

test("authorities by which it is not reached are not taken", async () => {
  await using server = await startServer();
  const before: TrustedAuthorities = { authorities: [server.authority], system: false };
  const next = (await makeAuthority("next", valid)).cert;
  const { keeper, kept } = keeperOf(server.url, before);
  for (const told of [
    { authorities: [next], system: false },
    { authorities: ["rubbish"], system: false },
    { authorities: [], system: true },
  ])
    await keeper.told(told, signal);
  expect(kept).toEqual([]);
  await keeper.told({ authorities: [server.authority], system: true }, signal);
  expect(kept).toHaveLength(1);
});
