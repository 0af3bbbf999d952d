import { createPrivateKey, createPublicKey, X509Certificate } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AppError, messageOf } from "../../shared/errors.ts";
import type { KeyedCertificate } from "../../shared/tls/certificates.ts";

/** For its owner alone, also where it is there already. */
export const makePrivateFolder = (dir: string): void => {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  chmodSync(dir, 0o700);
};

/** A certificate and its key of the coordinator's own folder. `hint`: what to do where they are of no use. */
export const findPair = (dir: string, name: string, hint: string): KeyedCertificate | undefined => {
  const [certPath, keyPath] = [join(dir, `${name}.pem`), join(dir, `${name}.key`)];
  // The certificate is written last: a key without one is what a start that was cut off has left.
  if (!existsSync(certPath)) return undefined;
  try {
    const found = { cert: readFileSync(certPath, "utf8"), key: readFileSync(keyPath, "utf8") };
    requireSameKey(found);
    return found;
  } catch (cause) {
    throw new AppError("invalid", `Cannot use ${certPath} and its key: ${messageOf(cause)}`, { cause, hint });
  }
};

export const keepPair = (dir: string, name: string, { cert, key }: KeyedCertificate): void => {
  keepPrivate(join(dir, `${name}.key`), key);
  keepPrivate(join(dir, `${name}.pem`), cert);
};

/** The whole file or none of it, for its owner alone. */
export const keepPrivate = (path: string, text: string): void => {
  writeFileSync(`${path}.part`, text, { mode: 0o600 });
  renameSync(`${path}.part`, path);
};

/** Throws unless the key is that of the first certificate. */
export const requireSameKey = ({ cert, key }: KeyedCertificate): void => {
  const own = createPublicKey(createPrivateKey(key)).export({ type: "spki", format: "der" });
  const certified = new X509Certificate(cert).publicKey.export({ type: "spki", format: "der" });
  if (!own.equals(certified)) throw new Error("the key is not that of the certificate");
};
