import { lchownSync, lstatSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { messageOf } from "../../../shared/errors.ts";
import { moveTree } from "../../repo/placeTree.ts";
import { type RuntimeJob, StartError } from "../runtime.ts";
import { makeFolder, resolvePath } from "./paths.ts";
import type { JobUser } from "./user.ts";

/**
 * Puts unpacked files where the job wants them, in place of what was there (docs/spec/agent.md §2.12); but a folder
 * that is there is filled and not replaced: without a container it may be the user's own.
 */
export const placeArchives = (job: RuntimeJob, user: JobUser, cwd: string): void => {
  for (const { source, target } of job.archives) {
    const path = resolvePath(target, { home: user.home, base: cwd });
    try {
      place(source, path, user);
    } catch (err) {
      throw new StartError("executor_error", `Cannot put files at "${target}": ${messageOf(err)}`);
    }
  }
};

const place = (source: string, path: string, user: JobUser): void => {
  if (user.change) chownTree(source, user);
  makeFolder(dirname(path), user);
  moveTree(source, path);
};

export const chownTree = (path: string, user: JobUser): void => {
  lchownSync(path, user.uid, user.gid);
  if (!lstatSync(path).isDirectory()) return;
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const child = join(path, entry.name);
    if (entry.isDirectory()) chownTree(child, user);
    else lchownSync(child, user.uid, user.gid);
  }
};
