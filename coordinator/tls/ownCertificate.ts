import { createPrivateKey, createPublicKey, X509Certificate } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import { AppError, messageOf } from "../../shared/errors.ts";
import {
  issueCertificate,
  type KeyedCertificate,
  makeAuthority,
  type Validity,
} from "../../shared/tls/certificates.ts";
import { fingerprintOf, keyPinOf, splitPem } from "../../shared/tls/fingerprint.ts";
import type { CertificateSource, SourceDeps } from "./tls.ts";

const DAY_MS = 24 * 3_600_000;

/** Hosts pin the authority: it outlives them. */
const AUTHORITY_DAYS = 20 * 365;
/** Whatever this machine's clock said at the first start, it cannot be made anew. */
const AUTHORITY_SINCE = Date.UTC(2020, 0, 1);
/** More is refused by some clients. */
const CERTIFICATE_DAYS = 397;
const RENEW_BEFORE_DAYS = 120;
/** A host's clock may be behind by so much. */
const BACKDATED_DAYS = 3;

/** Names that were dropped stay in the certificate, as hosts may still use them; but not without an end. */
const MOST_NAMES = 100;

export interface OwnOptions extends SourceDeps {
  /** Keys and certificates are kept in it, for the owner alone. */
  dir: string;
  /** Host names and addresses that the certificate is for. */
  names: readonly string[];
  /** Authorities, in PEM, that hosts are to know of besides: the next one, before it is used. */
  alsoTrusted: () => readonly string[];
}

/**
 * A certificate by an authority of the coordinator's own, made at the first start. Hosts pin the authority, so the
 * certificate is renewed, and gets other names, without them. The key stays, as join commands pin it for `curl`.
 */
export const openOwnCertificate = async (options: OwnOptions): Promise<CertificateSource> => {
  const { dir, clock, alsoTrusted } = options;
  const names = options.names.map(canonical);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  chmodSync(dir, 0o700);
  const authority = await findOr(dir, "authority", () =>
    makeAuthority("dstack coordinator", {
      ...validFor(AUTHORITY_DAYS, clock.now()),
      notBefore: AUTHORITY_SINCE,
    }),
  );
  const issue = async (before: KeyedCertificate | undefined): Promise<KeyedCertificate> => {
    const all = [...new Set([...names, ...(before ? namesOf(before.cert) : [])])].slice(0, MOST_NAMES);
    const issued = await issueCertificate(authority, {
      names: all,
      ...validFor(CERTIFICATE_DAYS, clock.now()),
      ...(before ? { key: before.key } : {}),
    });
    keep(dir, "server", issued);
    return issued;
  };
  const isGood = ({ cert }: KeyedCertificate): boolean => {
    const leaf = new X509Certificate(cert);
    const has = new Set(namesOf(cert));
    return (
      leaf.verify(new X509Certificate(authority.cert).publicKey) &&
      Date.parse(leaf.validTo) - clock.now() > RENEW_BEFORE_DAYS * DAY_MS &&
      // The clock of this machine was wrong when it was made.
      Date.parse(leaf.validFrom) <= clock.now() &&
      names.every((name) => has.has(name))
    );
  };
  const kept = find(dir, "server");
  let current = kept && isGood(kept) ? kept : await issue(kept);
  return {
    get current() {
      return current;
    },
    get trust() {
      return {
        told: { authorities: [...splitPem(authority.cert), ...alsoTrusted()], system: false },
        fingerprint: fingerprintOf(authority.cert),
        keyPin: keyPinOf(current.cert),
      };
    },
    refresh: async () => {
      if (isGood(current)) return false;
      current = await issue(current);
      return true;
    },
  };
};

const validFor = (days: number, now: number): Validity => ({
  notBefore: now - BACKDATED_DAYS * DAY_MS,
  notAfter: now + days * DAY_MS,
});

const ENTRY = /(?:DNS|IP Address):([^,\s]+)/g;

const namesOf = (cert: string): string[] =>
  [...(new X509Certificate(cert).subjectAltName ?? "").matchAll(ENTRY)].map(([, name = ""]) =>
    canonical(name),
  );

/** One IPv6 address can be written in many ways. */
const canonical = (name: string): string =>
  isIP(name) === 6 ? new URL(`http://[${name}]`).hostname.slice(1, -1) : name.toLowerCase();

const findOr = async (
  dir: string,
  name: string,
  make: () => Promise<KeyedCertificate>,
): Promise<KeyedCertificate> => {
  const known = find(dir, name);
  if (known) return known;
  const made = await make();
  keep(dir, name, made);
  return made;
};

const find = (dir: string, name: string): KeyedCertificate | undefined => {
  const [certPath, keyPath] = [join(dir, `${name}.pem`), join(dir, `${name}.key`)];
  // The certificate is written last: a key without one is what a start that was cut off has left.
  if (!existsSync(certPath)) return undefined;
  try {
    const found = { cert: readFileSync(certPath, "utf8"), key: readFileSync(keyPath, "utf8") };
    requireSameKey(found);
    return found;
  } catch (cause) {
    throw new AppError("invalid", `Cannot use ${certPath} and its key: ${messageOf(cause)}`, {
      cause,
      hint: "Put both back from a backup. Without them a new authority is made, which hosts that have joined do not know",
    });
  }
};

const keep = (dir: string, name: string, { cert, key }: KeyedCertificate): void => {
  for (const [path, text] of [
    [join(dir, `${name}.key`), key],
    [join(dir, `${name}.pem`), cert],
  ] as const) {
    writeFileSync(`${path}.part`, text, { mode: 0o600 });
    renameSync(`${path}.part`, path);
  }
};

/** Throws unless the key is that of the first certificate. */
export const requireSameKey = ({ cert, key }: KeyedCertificate): void => {
  const own = createPublicKey(createPrivateKey(key)).export({ type: "spki", format: "der" });
  const certified = new X509Certificate(cert).publicKey.export({ type: "spki", format: "der" });
  if (!own.equals(certified)) throw new Error("the key is not that of the certificate");
};
