import { readFileSync } from "node:fs";

/** A file of /proc or /sys; undefined: it is not there (any more), or not for this user, or its driver refuses. */
export const readText = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
};
