import { mkdirSync, readFileSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Files that we share with the stock client (docs/spec/cli.md §6.3). */
export const sshDirOf = (home: string): string => join(home, ".dstack", "ssh");
export const aliasesPath = (home: string): string => join(sshDirOf(home), "config");
export const knownHostsPath = (home: string): string => join(sshDirOf(home), "known_hosts");

export const readIfThere = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8");
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw err;
  }
};

/** Replaces a file at once and as a whole; the file that a link leads to, not the link. Folders are made. */
export const replaceFile = (path: string, text: string): void => {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const target = targetOf(path);
  const temporary = `${target}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, text, { mode: modeOf(target) });
    renameSync(temporary, target);
  } catch (err) {
    rmSync(temporary, { force: true });
    throw err;
  }
};

const targetOf = (path: string): string => {
  try {
    return realpathSync(path);
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return path;
    throw err;
  }
};

const OWNER_ONLY = 0o600;

const modeOf = (path: string): number => {
  const kept = statSync(path, { throwIfNoEntry: false });
  return kept ? kept.mode & 0o777 : OWNER_ONLY;
};
