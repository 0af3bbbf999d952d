import { chownSync, mkdirSync } from "node:fs";
import { dirname, isAbsolute, join, normalize } from "node:path";
import { StartError } from "../runtime.ts";
import type { JobUser } from "./user.ts";

/** `~` and `~/x` are under the home; relative paths under `base`, which they may not leave. */
export const resolvePath = (path: string, { home, base }: { home: string; base: string }): string => {
  if (path === "~") return home;
  if (path.startsWith("~/")) return join(home, path.slice(2));
  if (path.startsWith("~"))
    throw new StartError("executor_error", `"${path}" is not supported: of homes, only ~ and ~/… are`);
  if (isAbsolute(path)) return normalize(path);
  const full = join(base, path);
  if (full !== base && !full.startsWith(`${base}/`))
    throw new StartError("executor_error", `The path "${path}" leads out of the working directory`);
  return full;
};

/** Makes a folder, and gives what of it is new to the job's user. */
export const makeFolder = (path: string, user: JobUser): void => {
  const first = mkdirSync(path, { recursive: true, mode: 0o755 });
  if (!first || !user.change) return;
  for (let made = path; made.length >= first.length; made = dirname(made))
    chownSync(made, user.uid, user.gid);
};
