import { mkdirSync } from "node:fs";
import { posix } from "node:path";
import type Docker from "dockerode";
import { messageOf } from "../../../shared/errors.ts";
import { countsAsContent, goesThere, isTaken, moveTree } from "../../repo/placeTree.ts";
import { type PreparedRepo, StartError } from "../runtime.ts";
import { exists, holdsSomething } from "./imageFiles.ts";
import type { JobUser } from "./passwd.ts";
import { giveTo, type Place } from "./place.ts";

/**
 * Adds the repository to what the job finds (docs/spec/agent.md §2.12): mounted where the image has nothing, or put into
 * the folder of the host that the job has mounted there, in which it stays. With it come credentials for the job's own
 * pulls and pushes.
 */
export const placeRepo = async (
  files: Docker.Container,
  repo: PreparedRepo,
  { place, user }: { place: Place; user: JobUser },
): Promise<Place> => {
  const own = await placeTree(files, repo, place);
  const mounts = [...own.mounts];
  for (const { source, target } of repo.homeFiles) {
    const path = posix.join(user.home, target.replace(/^~/, ""));
    if (pathOnHost(mounts, path) !== undefined || (await exists(files, path))) continue;
    giveTo(source, user);
    mounts.push({ source, target: path });
  }
  return { ...own, mounts };
};

const placeTree = async (files: Docker.Container, repo: PreparedRepo, place: Place): Promise<Place> => {
  const { repoDir, mounts } = place;
  if (repoDir === undefined) return place;
  const onHost = pathOnHost(mounts, repoDir);
  if (onHost === undefined) {
    const isMounted = goesThere(repo, repoDir, await holdsSomething(files, repoDir, countsAsContent));
    return isMounted ? { ...place, mounts: [{ source: repo.source, target: repoDir }, ...mounts] } : place;
  }
  try {
    if (goesThere(repo, repoDir, isTaken(onHost))) {
      mkdirSync(posix.dirname(onHost), { recursive: true });
      moveTree(repo.source, onHost);
    }
    return place;
  } catch (err) {
    if (err instanceof StartError) throw err;
    throw new StartError(
      "container_exited_with_error",
      `Cannot put the repository at "${repo.target}": ${messageOf(err)}`,
    );
  }
};

/** Where a path in the container is on the host, if a mount covers it; the innermost one counts. */
const pathOnHost = (mounts: Place["mounts"], path: string): string | undefined => {
  const covering = mounts
    .map(({ source, target }) => ({ source, rest: posix.relative(target, path) }))
    .filter(({ rest }) => !rest.startsWith(".."))
    .sort((a, b) => a.rest.length - b.rest.length)[0];
  return covering && posix.join(covering.source, covering.rest);
};
