import { readFileSync } from "node:fs";
import { AppError, messageOf } from "../errors.ts";
import { findByFingerprint, splitPem } from "./fingerprint.ts";

const MOST_BYTES = 200_000;

/** The certificates of a PEM file that somebody has named. Throws `invalid` where there is none. */
export const readAuthorities = (path: string): string[] => {
  let found: string[];
  try {
    found = splitPem(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new AppError("invalid", `Cannot read ${path}: ${messageOf(cause)}`, { cause });
  }
  if (found.length === 0)
    throw new AppError("invalid", `There is no certificate in ${path}: it is to be PEM`);
  return found;
};

/**
 * The authority of the coordinator at `url` that has this fingerprint (64 hexadecimal digits); undefined: it has none. It
 * is asked for over a connection that is not to be trusted, so nothing is said there that is secret, and no other
 * certificate is taken. Throws `unavailable` where nobody answers.
 */
export const fetchAuthority = async (
  url: string,
  fingerprint: string,
  signal: AbortSignal,
): Promise<string | undefined> => {
  try {
    const answer = await fetch(`${url}/authorities.pem`, { tls: { rejectUnauthorized: false }, signal });
    return answer.ok ? findByFingerprint((await answer.text()).slice(0, MOST_BYTES), fingerprint) : undefined;
  } catch (cause) {
    throw new AppError("unavailable", `Cannot reach the coordinator at ${url}: ${messageOf(cause)}`, {
      cause,
    });
  }
};
