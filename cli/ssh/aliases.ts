import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isLocked, tryLock, withLock } from "../process/fileLock.ts";
import { type AliasBlock, ownersIn, withBlock, withoutOwners } from "./blocks.ts";
import { aliasesPath, readIfThere, replaceFile, sshDirOf } from "./files.ts";

/** A file per attachment, locked as long as that is there: by it others know whose blocks have nobody left. */
const ownersDirOf = (home: string): string => join(sshDirOf(home), "attached");

/**
 * `ssh ALIAS` leads to a job until this is disposed of. Several attachments may have the same alias: the newest counts.
 * What attachments have left behind that were killed goes, too. Throws what the system says where it may not be written.
 */
export const openAlias = (home: string, { host, options }: Omit<AliasBlock, "owner">): Disposable => {
  const owner = `${process.pid}-${crypto.randomUUID().slice(0, 8)}`;
  const dir = ownersDirOf(home);
  const file = join(dir, owner);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const held = changeAliases(home, (text) => {
    const lock = tryLock(file);
    return { text: withBlock(withoutDead(text, dir, owner), { host, owner, options }), result: lock };
  });
  let isOpen = true;
  return {
    [Symbol.dispose]: () => {
      if (!isOpen) return;
      isOpen = false;
      try {
        changeAliases(home, (text) => ({
          text: withoutOwners(text, (one) => one === owner),
          result: undefined,
        }));
        rmSync(file, { force: true });
      } finally {
        held?.[Symbol.dispose]();
      }
    },
  };
};

const changeAliases = <T>(home: string, change: (text: string) => { text: string; result: T }): T => {
  const path = aliasesPath(home);
  // The stock client takes the same lock for the same file.
  return withLock(`${path}.lock`, () => {
    const before = readIfThere(path);
    const { text, result } = change(before ?? "");
    if (text !== before) replaceFile(path, text);
    return result;
  });
};

const withoutDead = (text: string, dir: string, self: string): string => {
  const owners = new Set([...ownersIn(text), ...readdirSync(dir)]);
  owners.delete(self);
  const dead = new Set([...owners].filter((owner) => !isLocked(join(dir, owner))));
  for (const owner of dead) rmSync(join(dir, owner), { force: true });
  return withoutOwners(text, (owner) => dead.has(owner));
};
