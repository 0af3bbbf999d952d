import { createHash } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import type { UserWithCreds } from "../../shared/api/users.ts";
import { AppError } from "../../shared/errors.ts";
import { answerOf, hasKeys, isNullOr, isText } from "../api/answer.ts";
import { type Api, post } from "../api/client.ts";
import { Unreachable } from "../api/refusal.ts";
import type { Context } from "../context.ts";
import { withLock } from "../process/fileLock.ts";
import { readIfThere, replaceFile, sshDirOf } from "./files.ts";

/** A key that is older is asked for again: the user may have another one (docs/spec/cli.md §6.2). */
const FRESH_MS = 10 * 60_000;

interface UserKey {
  /** Of the private half; the public one lies beside it. */
  readonly path: string;
  readonly publicKey: string;
}

const userAnswer = answerOf<UserWithCreds>(
  hasKeys({ ssh_public_key: isNullOr(isText), ssh_private_key: isNullOr(isText) }),
);

/** Private keys of the user here, of which one opens the job. */
export interface Identities {
  /** Throws where there is none. `runKey`: the public key that the run was submitted with. */
  filesFor(runKey: string | null): Promise<readonly string[]>;
}

/** Begins at once to ask for the user's key where that has to be asked for; nobody else is kept waiting. */
export const openIdentities = (ctx: Context, api: Api, given: string | undefined): Identities => {
  if (given !== undefined) {
    const files = [readable(given)];
    return { filesFor: async () => files };
  }
  const asked = userKey(ctx, api, { isFresh: false });
  asked.catch(() => {});
  return {
    filesFor: async (runKey) => {
      let key = await asked;
      if (runKey !== null && key?.publicKey !== runKey)
        // Made for the run after this one was fetched.
        key = (await userKey(ctx, api, { isFresh: true })) ?? key;
      const old = join(sshDirOf(ctx.home), "id_rsa");
      // Whoever asks is let in with their own key, too, also where the run was submitted with another one.
      const files = [
        ...(key ? [key.path] : []),
        ...(key?.publicKey !== runKey && existsSync(old) ? [old] : []),
      ];
      if (files.length > 0) return files;
      throw new AppError("not_found", `User SSH key doesn't match; default SSH key (${old}) doesn't exist`, {
        hint: "Use --ssh-identity with the private key that the run was submitted with",
      });
    },
  };
};

const readable = (path: string): string => {
  if (existsSync(path)) return path;
  throw new AppError("invalid", `Unable to read the SSH key at ${path}`);
};

/** As the server tells it; undefined: the server keeps none. Without a server, the one that was told last. */
const userKey = async (
  ctx: Context,
  api: Api,
  { isFresh }: { isFresh: boolean },
): Promise<UserKey | undefined> => {
  const path = join(sshDirOf(ctx.home), fileNameOf(api));
  const kept = keptKey(path);
  if (kept && !isFresh && ctx.clock.now() - statSync(path).mtimeMs < FRESH_MS) return kept;
  let user: UserWithCreds;
  try {
    user = await post(api, { path: "/api/users/get_my_user", answer: userAnswer });
  } catch (err) {
    if (kept && err instanceof Unreachable) return kept;
    throw err;
  }
  const { ssh_public_key: publicKey, ssh_private_key: privateKey } = user;
  if (!publicKey || !privateKey) return undefined;
  withLock(`${path}.lock`, () => {
    // The private half last: its time says how old both are.
    replaceFile(`${path}.pub`, publicKey);
    replaceFile(path, privateKey);
  });
  return { path, publicKey };
};

const keptKey = (path: string): UserKey | undefined => {
  const publicKey = readIfThere(`${path}.pub`);
  return publicKey !== undefined && existsSync(path) ? { path, publicKey } : undefined;
};

/** A file for each server and token. */
const fileNameOf = ({ connection: { url, token } }: Api): string =>
  createHash("sha256").update(`${url}\n${token}`).digest("hex").slice(0, 8);
