import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { issueCertificate, type KeyedCertificate, makeAuthority } from "../../shared/tls/certificates.ts";
import { fingerprintOf } from "../../shared/tls/fingerprint.ts";
import { openGivenCertificate } from "./givenCertificate.ts";

const UNTIL_ENDED = new AbortController().signal;
const HOUR_MS = 3_600_000;
const valid = { notBefore: Date.now() - 2 * HOUR_MS, notAfter: Date.now() + HOUR_MS };

const given = (dir: string, authorities: string[] = []) => {
  const [certFile, keyFile] = [join(dir, "cert.pem"), join(dir, "key.pem")];
  return {
    write: ({ cert, key }: Partial<KeyedCertificate>) => {
      if (cert !== undefined) writeFileSync(certFile, cert);
      if (key !== undefined) writeFileSync(keyFile, key);
    },
    open: () =>
      openGivenCertificate({ certFile, keyFile, authorities: () => authorities, clock: { now: Date.now } }),
  };
};

test("other files are taken when both fit, and not between", async () => {
  using dir = tempDir();
  const authority = await makeAuthority("one", valid);
  const [first, second] = [
    await issueCertificate(authority, { ...valid, names: ["a"] }),
    await issueCertificate(authority, { ...valid, names: ["a"] }),
  ];
  const files = given(dir.path);
  files.write(first);
  const source = files.open();
  expect(await source.refresh(UNTIL_ENDED)).toBe(false);
  files.write({ cert: second.cert });
  expect(source.refresh(UNTIL_ENDED)).rejects.toThrow("the key is not that of the certificate");
  expect(source.current).toEqual(first);
  files.write({ key: second.key });
  expect(await source.refresh(UNTIL_ENDED)).toBe(true);
  expect(source.current).toEqual(second);
});

test("hosts need to be told of nothing where the system knows the authority", async () => {
  using dir = tempDir();
  const authority = await makeAuthority("one", valid);
  const files = given(dir.path);
  files.write(await issueCertificate(authority, { ...valid, names: ["a"] }));
  expect(files.open().trust).toEqual({
    told: { authorities: [], system: true },
    fingerprint: undefined,
    keyPin: undefined,
  });
});

test("hosts are told of the authorities that are named, and of a certificate that signs itself", async () => {
  using dir = tempDir();
  const authority = await makeAuthority("one", valid);
  const own = await issueCertificate(authority, { ...valid, names: ["a"] });
  const named = given(dir.path, [authority.cert]);
  named.write(own);
  expect(named.open().trust.told).toEqual({ authorities: [authority.cert], system: false });
  expect(named.open().trust.fingerprint).toBe(fingerprintOf(authority.cert));
  const itself = given(dir.path);
  itself.write(authority);
  expect(itself.open().trust.fingerprint).toBe(fingerprintOf(authority.cert));
});

test("what cannot be used is refused in a sentence", async () => {
  using dir = tempDir();
  const files = given(dir.path);
  expect(files.open).toThrow("Cannot read");
  const authority = await makeAuthority("one", valid);
  files.write({ cert: "no certificate", key: authority.key });
  expect(files.open).toThrow("Cannot use the certificate");
  const past = { notBefore: Date.now() - 2 * HOUR_MS, notAfter: Date.now() - HOUR_MS };
  files.write(await issueCertificate(authority, { ...past, names: ["a"] }));
  expect(files.open).toThrow("has expired");
});
