import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { AppError, messageOf } from "../../shared/errors.ts";
import type { KeyedCertificate } from "../../shared/tls/certificates.ts";
import { requireSameKey } from "./keptPairs.ts";
import { trustOf } from "./outsideTrust.ts";
import type { CertificateSource, SourceDeps } from "./tls.ts";

export interface GivenOptions extends SourceDeps {
  certFile: string;
  keyFile: string;
  /** Authorities, in PEM, that hosts are to trust, the one of this certificate first; none: it is one that they know. */
  authorities: () => readonly string[];
}

/** A certificate that somebody else renews, by writing other files in the place of these. */
export const openGivenCertificate = (options: GivenOptions): CertificateSource => {
  const { certFile, keyFile, authorities, clock } = options;
  const read = () => ({ cert: readOne(certFile), key: readOne(keyFile) });
  let current = check(read(), options, clock.now());
  return {
    get current() {
      return current;
    },
    get trust() {
      return trustOf(current, authorities());
    },
    refresh: async () => {
      const found = read();
      if (found.cert === current.cert && found.key === current.key) return false;
      // Two files are never replaced at once: a pair that does not fit is half of a change, and fits next time.
      current = check(found, options, clock.now());
      return true;
    },
  };
};

const readOne = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new AppError("invalid", `Cannot read ${path}: ${messageOf(cause)}`, { cause });
  }
};

const check = (
  found: KeyedCertificate,
  { certFile, keyFile }: Pick<GivenOptions, "certFile" | "keyFile">,
  now: number,
): KeyedCertificate => {
  try {
    requireSameKey(found);
  } catch (cause) {
    throw new AppError(
      "invalid",
      `Cannot use the certificate ${certFile} with the key ${keyFile}: ${messageOf(cause)}`,
      {
        cause,
        hint: "Both are PEM; the certificate file has the server's own first, then those between it and its authority",
      },
    );
  }
  const until = new Date(new X509Certificate(found.cert).validTo);
  if (until.getTime() < now)
    throw new AppError("invalid", `The certificate ${certFile} has expired: ${until.toISOString()}`, {
      hint: "Renew it; it is taken as soon as the file is another",
    });
  return found;
};
