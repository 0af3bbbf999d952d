import { createHash, X509Certificate } from "node:crypto";

const BLOCK = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/** The certificates of a PEM text, each with a line end; whatever stands between them is left out. */
export const splitPem = (text: string): string[] => [...text.matchAll(BLOCK)].map(([block]) => `${block}\n`);

/** SHA-256 of the certificate itself (DER), 64 hexadecimal digits: what `openssl x509 -fingerprint -sha256` shows. */
export const fingerprintOf = (pem: string): string =>
  new X509Certificate(pem).fingerprint256.replaceAll(":", "").toLowerCase();

/** The one with this fingerprint among the certificates of a PEM text. */
export const findByFingerprint = (text: string, fingerprint: string): string | undefined =>
  splitPem(text).find((pem) => isCertificate(pem) && fingerprintOf(pem) === fingerprint);

/** As `curl --pinnedpubkey` wants it, without its `sha256//`. */
export const keyPinOf = (pem: string): string =>
  createHash("sha256")
    .update(new X509Certificate(pem).publicKey.export({ type: "spki", format: "der" }))
    .digest("base64");

/** People paste it with colons, in capitals, or with the word before it; undefined: it is none. */
export const parseFingerprint = (text: string): string | undefined => {
  const digits = text
    .trim()
    .toLowerCase()
    .replace(/^sha-?256[:=/-]*(?:fingerprint=)?/, "")
    .replaceAll(":", "");
  return /^[0-9a-f]{64}$/.test(digits) ? digits : undefined;
};

const isCertificate = (pem: string): boolean => {
  try {
    return new X509Certificate(pem).fingerprint256 !== "";
  } catch {
    // Not one of ours to judge: whoever looks for a fingerprint has found none here.
    return false;
  }
};
