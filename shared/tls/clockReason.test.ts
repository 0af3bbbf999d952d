import { expect, test } from "bun:test";
import { issueCertificate, makeAuthority } from "./certificates.ts";
import { clockReason } from "./clockReason.ts";

const HOUR_MS = 3_600_000;

const serve = async () => {
  const valid = { notBefore: Date.now() - HOUR_MS, notAfter: Date.now() + HOUR_MS };
  const own = await issueCertificate(await makeAuthority("one", valid), { ...valid, names: ["127.0.0.1"] });
  return Bun.serve({ port: 0, hostname: "127.0.0.1", tls: own, fetch: () => new Response("there") });
};

test.each([
  [
    "CERT_NOT_YET_VALID",
    -HOUR_MS,
    /not valid yet by the clock here, which is (1 h|59 min) behind the one over there .*timedatectl/,
  ],
  [
    "CERT_HAS_EXPIRED",
    27 * HOUR_MS + 60_000,
    /has expired by the clock here, which is 1 d 3 h ahead of the one over there/,
  ],
  ["CERT_HAS_EXPIRED", 0, /^its certificate has expired, and the clocks agree: have it renewed over there$/],
  ["CERT_NOT_YET_VALID", 0, /and the clocks agree: it was made by a clock that was ahead/],
])("%s, with a clock that is off by %i ms", async (code, offMs, pattern) => {
  await using server = await serve();
  const said = await clockReason(code, `https://127.0.0.1:${server.port}`, () => Date.now() + offMs);
  expect(said).toMatch(pattern);
});

test("what is not about time, or where nobody answers, is left to others", async () => {
  await using server = await serve();
  const url = `https://127.0.0.1:${server.port}`;
  expect(await clockReason("SELF_SIGNED_CERT_IN_CHAIN", url, Date.now)).toBeUndefined();
  expect(await clockReason("CERT_HAS_EXPIRED", "https://127.0.0.1:9", Date.now)).toBeUndefined();
});
