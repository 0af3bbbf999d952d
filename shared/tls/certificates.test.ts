import { expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { issueCertificate, makeAuthority } from "./certificates.ts";
import { findByFingerprint, fingerprintOf, parseFingerprint, splitPem } from "./fingerprint.ts";
import { splitPin, withPin } from "./pinnedToken.ts";

const HOUR_MS = 3_600_000;
const valid = () => ({ notBefore: Date.now() - HOUR_MS, notAfter: Date.now() + HOUR_MS });

const serve = (tls: { cert: string; key: string }) =>
  Bun.serve({ port: 0, hostname: "127.0.0.1", tls, fetch: () => new Response("there") });

const codeOf = async (url: string, ca: string): Promise<unknown> => {
  try {
    return await (await fetch(url, { tls: { ca }, keepalive: false })).text();
  } catch (err) {
    return (err as { code?: unknown }).code;
  }
};

test("a certificate is good for its names by its authority, and by no other", async () => {
  const [authority, other] = [await makeAuthority("one", valid()), await makeAuthority("other", valid())];
  const own = await issueCertificate(authority, { ...valid(), names: ["127.0.0.1", "pool.example"] });
  await using server = serve(own);
  const url = `https://127.0.0.1:${server.port}`;
  expect(await codeOf(url, authority.cert)).toBe("there");
  expect(await codeOf(url, other.cert)).toBe("SELF_SIGNED_CERT_IN_CHAIN");
  await using elsewhere = serve(await issueCertificate(authority, { ...valid(), names: ["pool.example"] }));
  expect(await codeOf(`https://127.0.0.1:${elsewhere.port}`, authority.cert)).toBe(
    "ERR_TLS_CERT_ALTNAME_INVALID",
  );
});

test("what is not valid yet, or not any more, is told apart", async () => {
  const authority = await makeAuthority("one", { notBefore: 0, notAfter: Date.now() + 24 * HOUR_MS });
  const at = (hours: number) => Date.now() + hours * HOUR_MS;
  const issue = (notBefore: number, notAfter: number) =>
    issueCertificate(authority, { notBefore, notAfter, names: ["127.0.0.1"] });
  await using early = serve(await issue(at(1), at(2)));
  await using late = serve(await issue(at(-2), at(-1)));
  expect(await codeOf(`https://127.0.0.1:${early.port}`, authority.cert)).toBe("CERT_NOT_YET_VALID");
  expect(await codeOf(`https://127.0.0.1:${late.port}`, authority.cert)).toBe("CERT_HAS_EXPIRED");
});

test("a key that is given stays", async () => {
  const authority = await makeAuthority("one", valid());
  const first = await issueCertificate(authority, { ...valid(), names: ["a"] });
  const second = await issueCertificate(authority, { ...valid(), names: ["a", "b"], key: first.key });
  const keyOf = (cert: string) => new X509Certificate(cert).publicKey.export({ type: "spki", format: "pem" });
  expect(second.cert).not.toBe(first.cert);
  expect(keyOf(second.cert)).toBe(keyOf(first.cert));
});

test("a certificate is found by its fingerprint among others and rubbish", async () => {
  const [one, two] = [await makeAuthority("one", valid()), await makeAuthority("two", valid())];
  const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  const text = `Some words\n${one.cert}${broken}more words\n${two.cert}`;
  expect(splitPem(text)).toEqual([one.cert, broken, two.cert]);
  expect(findByFingerprint(text, fingerprintOf(two.cert))).toBe(two.cert);
  expect(findByFingerprint(text, "0".repeat(64))).toBeUndefined();
});

const DIGITS = "0123456789abcdef".repeat(4);

test.each([
  [DIGITS, DIGITS],
  [`sha256:${DIGITS}`, DIGITS],
  [`SHA256 Fingerprint=${DIGITS}`.replace(" ", ":"), DIGITS],
  [(DIGITS.toUpperCase().match(/../g) ?? []).join(":"), DIGITS],
  [DIGITS.slice(1), undefined],
  ["", undefined],
])("parseFingerprint(%p)", (text, expected) => {
  expect(parseFingerprint(text)).toBe(expected);
});

test("a token carries a fingerprint, or none", () => {
  expect(splitPin(withPin("join-a_b-C", DIGITS))).toEqual({ token: "join-a_b-C", fingerprint: DIGITS });
  expect(splitPin(withPin("join-a_b-C", undefined))).toEqual({ token: "join-a_b-C", fingerprint: undefined });
  expect(splitPin("join-x.sha256-short").token).toBe("join-x.sha256-short");
});
