import { cpSync, lstatSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { type PreparedRepo, StartError } from "../runtime/runtime.ts";

/** What a new file system holds does not count (docs/spec/agent.md §2.12). */
export const countsAsContent = (name: string): boolean => name !== "lost+found";

/** Whether the repository goes to a place that holds something (`isTaken`) or nothing; refuses as the job wants it. */
export const goesThere = ({ ifExists }: PreparedRepo, path: string, isTaken: boolean): boolean => {
  if (!isTaken) return true;
  if (ifExists === "skip") return false;
  throw new StartError(
    "container_exited_with_error",
    `The folder "${path}" for the repository is not empty`,
    { hint: "Give the repo another path, or `if_exists: skip`" },
  );
};

/** Whether a folder of this host holds something. */
export const isTaken = (path: string): boolean => {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) return false;
  if (found.isDirectory()) return readdirSync(path).some(countsAsContent);
  throw new StartError("container_exited_with_error", `"${path}" for the repository is not a folder`);
};

/** Moves a file or folder over what is at `path`; a folder that is there is filled. */
export const moveTree = (source: string, path: string): void => {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  if (lstatSync(source).isDirectory() && isFolder) {
    for (const name of readdirSync(source)) moveTree(join(source, name), join(path, name));
    return;
  }
  rmSync(path, { recursive: true, force: true });
  try {
    renameSync(source, path);
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== "EXDEV") throw err;
    cpSync(source, path, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
    rmSync(source, { recursive: true });
  }
};
