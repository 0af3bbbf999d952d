import { showBytes } from "../../shared/showBytes.ts";
import type { Member } from "./walk.ts";

const SHOWN = 3;
/** A folder with so much of everything is looked into. */
const MOST_OF_IT = 0.8;

interface Sized {
  readonly name: string;
  readonly size: number;
}

/** Where the bytes of an archive are, for somebody who has to leave some out: `data/train (1.8GiB), data/a.bin (0.1GiB)`. */
export const largestText = (members: readonly Member[]): string => {
  const files = members.filter(({ kind }) => kind === "file");
  const total = files.reduce((sum, { stats }) => sum + stats.size, 0);
  let depth = 2;
  let largest: Sized[] = [];
  for (let top = ""; ; depth++) {
    const found = sumUp(files, top, depth);
    if (found.length > 0) largest = found;
    const [first] = largest;
    const isFolder = first !== undefined && !files.some(({ name }) => name === first.name);
    if (!isFolder || first.size < total * MOST_OF_IT) break;
    top = `${first.name}/`;
  }
  const shown = largest.slice(0, SHOWN).map(({ name, size }) => `${name} (${showBytes(size)})`);
  return `The largest are ${shown.join(", ")}`;
};

/** Everything under `top`, by its first `depth` parts. */
const sumUp = (files: readonly Member[], top: string, depth: number): Sized[] => {
  const sizes = new Map<string, number>();
  for (const { name, stats } of files) {
    if (!name.startsWith(top)) continue;
    const key = name.split("/").slice(0, depth).join("/");
    sizes.set(key, (sizes.get(key) ?? 0) + stats.size);
  }
  return [...sizes].map(([name, size]) => ({ name, size })).sort((a, b) => b.size - a.size);
};
