import { X509Certificate } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { AppError, messageOf } from "../../../shared/errors.ts";
import type { Logger } from "../../../shared/log.ts";
import { type KeyedCertificate, newKey } from "../../../shared/tls/certificates.ts";
import { canonicalName, namesOf } from "../certificateNames.ts";
import { findPair, keepPair, keepPrivate, makePrivateFolder, requireSameKey } from "../keptPairs.ts";
import { trustOf } from "../outsideTrust.ts";
import type { CertificateSource, SourceDeps } from "../tls.ts";
import { CaClient, type ExternalAccount } from "./caClient.ts";
import { type ChallengePortOptions, openChallengePort } from "./challengePort.ts";
import { orderCertificate } from "./order.ts";
import { openTries } from "./tries.ts";

/** Of its lifetime, a certificate is renewed when so much has passed; a little earlier on some machines than on others. */
const RENEW_AT = 2 / 3;
const JITTER = 1 / 30;

const LOST = "Put both back from a backup, or remove both: the CA is asked for another one then";

export interface AcmeOptions extends SourceDeps {
  /** The account's key and the certificate are kept in it, for the owner alone. */
  dir: string;
  /** Host names and addresses that the certificate is to be for. */
  names: readonly string[];
  email: string | undefined;
  directoryUrl: string;
  externalAccount: ExternalAccount | undefined;
  /** By which the CA's own server is known, in PEM; empty: those of the system. */
  caAuthorities: () => readonly string[];
  challenges: ChallengePortOptions;
  /** Authorities, in PEM, that hosts are to trust, the one of this certificate first; none: it is one that they know. */
  authorities: () => readonly string[];
  log: Logger;
  /** From 0 to 1. */
  random: () => number;
}

/**
 * A certificate by a CA that speaks ACME (RFC 8555). Where there is one from before, the CA need not be there. Its key
 * stays, as join commands pin it for `curl`. Throws where there is none, and none is to be had.
 */
export const openAcmeCertificate = async (options: AcmeOptions): Promise<CertificateSource> => {
  const { dir, clock, log, random, directoryUrl, externalAccount, authorities } = options;
  const names = options.names.map(canonicalName);
  makePrivateFolder(dir);
  const tries = openTries(join(dir, "failures.json"), options);
  const accountKey = keptKey(join(dir, "account.key"));
  let kept = findPair(dir, "server", LOST);

  const ask = async (signal: AbortSignal): Promise<KeyedCertificate> => {
    try {
      await using port = openChallengePort(options.challenges);
      const ca = new CaClient({
        directoryUrl,
        accountKey,
        authorities: options.caAuthorities(),
        externalAccount,
        clock,
      });
      const key = kept?.key ?? newKey();
      const cert = await orderCertificate(ca, port, { names, key, email: options.email, signal });
      const issued = { cert, key };
      requireSameKey(issued);
      keepPair(dir, "server", issued);
      tries.succeeded();
      log.info("The CA has given a certificate", {
        names: names.join(", "),
        until: endOf(issued).toISOString(),
      });
      return issued;
    } catch (err) {
      // Who stops it is no failure of the CA's.
      if (!signal.aborted) tries.failed(err);
      throw err;
    }
  };

  const first = async (): Promise<KeyedCertificate> => {
    const { waiting } = tries;
    if (waiting)
      throw new AppError(
        "unavailable",
        `Cannot start without a certificate, and ${directoryUrl} was asked in vain (${waiting.failures} times, at last: ${waiting.reason}). It is asked again from ${new Date(waiting.nextAt).toISOString()} on`,
        { hint: `To ask at once, after what was wrong is mended, remove ${tries.file}` },
      );
    log.info("Asking the CA for a certificate", { names: names.join(", "), directory: directoryUrl });
    try {
      return await ask(new AbortController().signal);
    } catch (err) {
      throw new AppError(
        "unavailable",
        `Cannot get a certificate for ${names.join(", ")}: ${messageOf(err)}${kept ? wasFor(kept) : ""}`,
        { cause: err, ...(err instanceof AppError && err.hint !== undefined ? { hint: err.hint } : {}) },
      );
    }
  };

  const isUsable = (pair: KeyedCertificate): boolean => {
    const has = new Set(namesOf(pair.cert));
    return endOf(pair).getTime() > clock.now() && names.every((name) => has.has(name));
  };
  let current = kept && isUsable(kept) ? kept : await first();
  let renewAt = renewalOf(current, random);
  kept = current;
  return {
    get current() {
      return current;
    },
    get trust() {
      return trustOf(current, authorities());
    },
    refresh: async (signal) => {
      if (clock.now() < renewAt || tries.waiting) return false;
      current = await ask(signal);
      kept = current;
      renewAt = renewalOf(current, random);
      return true;
    },
  };
};

const endOf = ({ cert }: KeyedCertificate): Date => new Date(new X509Certificate(cert).validTo);

const renewalOf = (pair: KeyedCertificate, random: () => number): number => {
  const begin = Date.parse(new X509Certificate(pair.cert).validFrom);
  return begin + (endOf(pair).getTime() - begin) * (RENEW_AT - JITTER * random());
};

const wasFor = (pair: KeyedCertificate): string =>
  `. The one from before is for ${namesOf(pair.cert).join(", ")}, until ${endOf(pair).toISOString()}`;

/** Made when it is wanted first. */
const keptKey = (path: string): string => {
  if (!existsSync(path)) keepPrivate(path, newKey());
  return readFileSync(path, "utf8");
};
