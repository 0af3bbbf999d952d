import { createHash, randomBytes } from "node:crypto";

/** 32 random bytes, base64url (shared/protocol/direct.ts). */
export const makeSecret = (): string => randomBytes(32).toString("base64url");

/** What is remembered of a secret. Looked up by it, nobody learns from the time it takes how near a guess was. */
export const digestOf = (secret: string): string => createHash("sha256").update(secret).digest("base64");
