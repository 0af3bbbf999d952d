import { statfs } from "node:fs/promises";
import type Docker from "dockerode";
import { messageOf } from "../../../shared/errors.ts";
import type { Logger } from "../../../shared/log.ts";
import { statusOf } from "./client.ts";
import { pruneRetired } from "./find.ts";
import type { ImageUse } from "./imageUse.ts";
import type { DockerSettings } from "./settings.ts";

export interface RoomDeps {
  docker: Docker;
  use: ImageUse;
  settings: DockerSettings;
  log: Logger;
}

/** Below the high-water mark by so much it is enough: or every job would remove an image. */
const MARGIN_PERCENT = 10;

/**
 * Where the engine's disk is fuller than its operator wants: removes dead containers, then images that nobody uses, the
 * least recently used first, until there is room. `isFull`: a write has failed already, whatever the percentage.
 * Returns how many things were removed.
 */
export const makeRoom = async (deps: RoomDeps, { isFull = false } = {}): Promise<number> => {
  const { docker, settings, log } = deps;
  const usedPercent = await engineDisk(docker);
  const used = await usedPercent();
  if (used === undefined || (!isFull && used < settings.imagesHighPercent)) return 0;
  let removed = await pruneRetired(docker, 0);
  const enough = Math.min(used, settings.imagesHighPercent) - MARGIN_PERCENT;
  for (const image of await candidates(deps)) {
    if (((await usedPercent()) ?? 0) < enough) break;
    if (await removeImage(deps, image)) removed += 1;
  }
  if (removed > 0)
    log.info("Made room on the engine's disk", { removed, used_percent: [used, await usedPercent()] });
  return removed;
};

/** Percentage in use of the disk on which the engine keeps images; undefined: it is not this host's. */
const engineDisk = async (docker: Docker): Promise<() => Promise<number | undefined>> => {
  const { DockerRootDir: root } = (await docker.info()) as { DockerRootDir?: string };
  return async () => {
    if (!root) return undefined;
    try {
      const { blocks, bfree, bavail } = await statfs(root);
      const used = blocks - bfree;
      return (100 * used) / Math.max(1, used + bavail);
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw err;
    }
  };
};

const candidates = async ({ docker, use, settings }: RoomDeps): Promise<string[]> => {
  if (settings.pruneImages === "none") return [];
  if (settings.pruneImages === "pulled") return use.listPulled();
  const images = await docker.listImages();
  return images
    .flatMap(({ RepoTags, Id }) => (RepoTags?.length ? RepoTags : [Id]))
    .toSorted((a, b) => use.lastUse(a) - use.lastUse(b));
};

const CONFLICT = 409;

/** Never by force: what a container has, also one that is not a job's, the engine keeps. */
const removeImage = async ({ docker, use, log }: RoomDeps, image: string): Promise<boolean> => {
  if (use.isHeld(image)) return false;
  try {
    await docker.getImage(image).remove();
    use.removed(image);
    return true;
  } catch (err) {
    if (statusOf(err) === 404) use.removed(image);
    else if (statusOf(err) !== CONFLICT)
      log.warn("Cannot remove an image", { image, reason: messageOf(err) });
    return false;
  }
};
