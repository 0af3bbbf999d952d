import { readFileSync } from "node:fs";
import { run } from "./program.ts";

/** What an engine that was killed or cut off left mounted, the deepest first. */
export const unmountUnder = async (folders: readonly string[]): Promise<void> => {
  const points = readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((point) => folders.some((folder) => point.startsWith(`${folder}/`)));
  for (const point of points.toReversed()) await run(["umount", "-l", point]);
};
