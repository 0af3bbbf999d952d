import { statfs } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * MiB that can be written on the file system of `path` (docs/spec/agent.md §1.7): free space, not size. For a path
 * that is not visible here (the engine's root is root's alone) that of its nearest visible parent.
 */
export const freeDiskMib = async (path: string): Promise<number> => {
  try {
    const { bavail, bsize } = await statfs(path);
    return Math.floor((bavail * bsize) / 1024 ** 2);
  } catch (err) {
    if (dirname(path) === path) throw err;
    return freeDiskMib(dirname(path));
  }
};
