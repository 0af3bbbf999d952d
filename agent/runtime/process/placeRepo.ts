import { messageOf } from "../../../shared/errors.ts";
import { goesThere, isTaken, moveTree } from "../../repo/placeTree.ts";
import { type RuntimeJob, StartError } from "../runtime.ts";
import { makeFolder, resolvePath } from "./paths.ts";
import { chownTree } from "./placeArchives.ts";
import type { JobUser } from "./user.ts";

/** Puts the repository where the job wants it (docs/spec/agent.md §2.12); answers where that is. */
export const placeRepo = ({ repo }: RuntimeJob, user: JobUser, cwd: string): string | undefined => {
  if (!repo) return undefined;
  const path = resolvePath(repo.target, { home: user.home, base: cwd });
  try {
    if (!goesThere(repo, path, isTaken(path))) return path;
    if (user.change) chownTree(repo.source, user);
    makeFolder(path, user);
    moveTree(repo.source, path);
    return path;
  } catch (err) {
    if (err instanceof StartError) throw err;
    throw new StartError(
      "container_exited_with_error",
      `Cannot put the repository at "${repo.target}": ${messageOf(err)}`,
    );
  }
};
