import { createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";
import { isIP } from "node:net";

/** Both in PEM; `cert` may be a chain, its owner first. */
export interface KeyedCertificate {
  cert: string;
  key: string;
}

export interface Validity {
  /** Milliseconds since 1970. */
  notBefore: number;
  notAfter: number;
}

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

/** An authority of its own: what it has signed is trusted by whoever knows its certificate. */
export const makeAuthority = async (name: string, validity: Validity): Promise<KeyedCertificate> => {
  const x509 = await loadX509();
  const key = newKey();
  const keys = await cryptoKeys(key);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [name] }],
    ...dates(validity),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { cert: `${certificate.toString("pem")}\n`, key };
};

/**
 * A server's certificate, signed by the authority, whose own follows it in the chain. `names`: host names and addresses.
 * `key`: one that is to be kept; a new one is made otherwise.
 */
export const issueCertificate = async (
  authority: KeyedCertificate,
  { names, key = newKey(), ...validity }: Validity & { names: readonly string[]; key?: string },
): Promise<KeyedCertificate> => {
  const x509 = await loadX509();
  const issuer = new x509.X509Certificate(authority.cert);
  const [own, signing] = [await cryptoKeys(key), await cryptoKeys(authority.key)];
  const certificate = await x509.X509CertificateGenerator.create({
    subject: [{ CN: [names[0] ?? "dstack"] }],
    issuer: issuer.subject,
    ...dates(validity),
    publicKey: own.publicKey,
    signingKey: signing.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(names.map(asGeneralName)),
      await x509.AuthorityKeyIdentifierExtension.create(signing.publicKey),
    ],
  });
  return { cert: `${certificate.toString("pem")}\n${authority.cert}`, key };
};

/**
 * A request (PKCS #10, in DER) that somebody else certifies the key for these names. Nothing else is said of whose it is:
 * a CA certifies what it has proven.
 */
export const makeRequest = async ({
  names,
  key,
}: {
  names: readonly string[];
  key: string;
}): Promise<Buffer> => {
  const x509 = await loadX509();
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    keys: await cryptoKeys(key),
    signingAlgorithm: ALGORITHM,
    extensions: [new x509.SubjectAlternativeNameExtension(names.map(asGeneralName))],
  });
  return Buffer.from(request.rawData);
};

/** In PEM, P-256. */
export const newKey = (): string =>
  generateKeyPairSync("ec", { namedCurve: "P-256" })
    .privateKey.export({ type: "pkcs8", format: "pem" })
    .toString();

const asGeneralName = (value: string) => ({
  type: isIP(value) === 0 ? ("dns" as const) : ("ip" as const),
  value,
});

const dates = ({ notBefore, notAfter }: Validity) => ({
  notBefore: new Date(notBefore),
  notAfter: new Date(notAfter),
});

/** Few programs ever make a certificate: the others need not load what it takes. */
const loadX509 = async () => {
  // Its dependency injection wants this to be there first.
  await import("reflect-metadata");
  return import("@peculiar/x509");
};

const cryptoKeys = async (pem: string) => {
  const secret = createPrivateKey(pem);
  const [pkcs8, spki] = [
    secret.export({ type: "pkcs8", format: "der" }),
    createPublicKey(secret).export({ type: "spki", format: "der" }),
  ];
  return {
    privateKey: await crypto.subtle.importKey("pkcs8", new Uint8Array(pkcs8), ALGORITHM, true, ["sign"]),
    publicKey: await crypto.subtle.importKey("spki", new Uint8Array(spki), ALGORITHM, true, ["verify"]),
  };
};
