import { resolve } from "node:path";
import type { Context } from "../context.ts";

/** A path as it was typed, from where it was typed. */
export const localPath = <P extends string | undefined>({ cwd, home }: Context, path: P): string | P =>
  path === undefined ? path : resolve(cwd, path.replace(/^~(?=[/\\]|$)/, home));
