import { createHash, randomBytes } from "node:crypto";

/** A new bearer token: 256 random bits. `prefix` tells people what it is for. */
export const newToken = (prefix: string): string => {
  const token = `${prefix}${randomBytes(32).toString("base64url")}`;
  // On a command line it would be taken for an option.
  return token.startsWith("-") ? newToken(prefix) : token;
};

/**
 * What is stored and looked up instead of the token. Looking up a hash of 256 random bits by equality leaks
 * nothing useful through its timing: an attacker cannot choose hashes.
 */
export const hashToken = (token: string): string => createHash("sha256").update(token).digest("hex");
