import { X509Certificate } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "../../shared/log.ts";
import { issueCertificate, type KeyedCertificate, makeAuthority } from "../../shared/tls/certificates.ts";

export interface HostCertificate extends KeyedCertificate {
  /** DER in base64: what a client pins. */
  der: string;
}

/** Nobody looks at what it says, nor at who has signed it: it is known by its bytes. */
const NAME = "dstack-agent";
const VALIDITY = { notBefore: Date.UTC(2020), notAfter: Date.UTC(2120) };

/**
 * The host's key for direct connections, made when it is first needed. One file, so that key and certificate belong
 * together; only its owner reads it.
 */
export const loadOwnCertificate = async (stateDir: string, log: Logger): Promise<HostCertificate> => {
  const path = join(stateDir, "direct.pem");
  const kept = await readIfThere(path);
  const known = kept === undefined ? undefined : parse(kept);
  if (known) return known;
  const { key, cert } = await issueCertificate(await makeAuthority(NAME, VALIDITY), {
    names: [NAME],
    ...VALIDITY,
  });
  const text = `${key}\n${cert}`;
  const made = parse(text);
  if (!made) throw new Error("The certificate that was made cannot be read");
  // Whole or not at all.
  await writeFile(`${path}.part`, text, { mode: 0o600 });
  await rename(`${path}.part`, path);
  log.info("Made a key for direct connections");
  return made;
};

const readIfThere = async (path: string): Promise<string | undefined> => {
  try {
    return await readFile(path, "utf8");
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw err;
  }
};

/** Undefined: it is none. */
const parse = (pem: string): HostCertificate | undefined => {
  const [key, cert] = pem.match(/-----BEGIN ([A-Z ]+)-----[^-]+-----END \1-----/g) ?? [];
  if (key === undefined || cert === undefined) return undefined;
  return { key, cert, der: new X509Certificate(cert).raw.toString("base64") };
};
