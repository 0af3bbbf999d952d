import { accessSync, closeSync, constants, fsyncSync, linkSync, openSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { messageOf } from "../../shared/errors.ts";

/** The program file of the agent, which takes turns with others. */
export const keptPath = (program: string): string => `${program}.old`;

/** Why this process cannot put another program in the place of its own; undefined: it can. */
export const whyUnable = (program: string | undefined, target: string | undefined): string | undefined => {
  if (program === undefined || target === undefined) return "It does not run as a compiled program";
  try {
    accessSync(dirname(program), constants.W_OK | constants.X_OK);
    return undefined;
  } catch (err) {
    return `It may not write to ${dirname(program)}: ${messageOf(err)}`;
  }
};

/** Puts `staged`, of the same file system, in the place of the program, which is kept beside it. At every moment there is one. */
export const swapIn = (program: string, staged: string): void => {
  const kept = keptPath(program);
  rmSync(kept, { force: true });
  linkSync(program, kept);
  renameSync(staged, program);
  syncFolder(dirname(program));
};

/** Puts the kept program back. False: there is none. */
export const swapBack = (program: string): boolean => {
  try {
    renameSync(keptPath(program), program);
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw err;
  }
  syncFolder(dirname(program));
  return true;
};

/** Or a power cut could leave the folder as it was, or worse. */
const syncFolder = (path: string): void => {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
};
