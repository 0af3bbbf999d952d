export interface OwnCertificate {
  /** PEM. */
  key: string;
  certificate: string;
}

const VALID_YEARS = 20;

/** A key and a certificate that it signs itself, for whoever knows the certificate beforehand. */
export const makeSelfSigned = async (commonName: string, now: Date): Promise<OwnCertificate> => {
  // Loaded only where one is made, which is once for a host: it takes a tenth of a second.
  await import("reflect-metadata");
  const { PemConverter, X509CertificateGenerator } = await import("@peculiar/x509");
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const notAfter = new Date(now);
  notAfter.setFullYear(now.getFullYear() + VALID_YEARS);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${commonName}`,
    keys,
    notBefore: now,
    notAfter,
    signingAlgorithm: algorithm,
  });
  const key = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  return { key: PemConverter.encode(key, "PRIVATE KEY"), certificate: certificate.toString("pem") };
};
