import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { AppError } from "../../shared/errors.ts";
import { type GitOptions, runGit } from "./git.ts";

/** A checkout on this machine, as far as a run needs it (docs/spec/cli.md §4.3). */
export interface LocalRepo {
  /** The root of the work tree. */
  readonly root: string;
  readonly url: string;
  /** Name of the remote's branch that the current one follows. */
  readonly branch: string;
  /** Where that was when it was last fetched or pushed: what a host can clone. */
  readonly commit: string;
  readonly userName: string | null;
  readonly userEmail: string | null;
}

/** Folders of the language: `~` is the home, the rest is relative to `base`. */
export const resolveLocalPath = (given: string, { base, home }: { base: string; home: string }): string => {
  const path = resolve(base, given.replace(/^~(?=[/\\]|$)/, home));
  if (existsSync(path)) return path;
  throw new AppError("not_found", `Invalid repo path: ${given} -> ${path}`);
};

/** Reads a checkout; throws in the reference's words where a run could not be made of it. */
export const readLocalRepo = async (dir: string, env: GitOptions["env"]): Promise<LocalRepo> => {
  const ask = async (...args: string[]): Promise<string | undefined> => {
    const { code, stdout } = await runGit(args, { cwd: dir, env });
    return code === 0 ? stdout.trim() : undefined;
  };
  const root = await ask("rev-parse", "--show-toplevel");
  if (root === undefined)
    throw new AppError("not_found", `Git repo not found: ${dir}`, {
      hint: "Use `files` to mount an arbitrary directory",
    });
  const head = await ask("symbolic-ref", "--quiet", "--short", "HEAD");
  if (head === undefined)
    throw new AppError("invalid", `Git repo in 'detached HEAD' state: ${root}`, {
      hint: "Check out to a branch",
    });
  const [remote, merge, commit] = await Promise.all([
    ask("config", `branch.${head}.remote`),
    ask("config", `branch.${head}.merge`),
    ask("rev-parse", "--verify", "--quiet", "@{upstream}"),
  ]);
  if (!remote || !merge || !commit)
    throw new AppError("invalid", "No remote branch is configured", {
      hint: `Push it with \`git push --set-upstream origin ${head}\``,
    });
  const [url, userName, userEmail] = await Promise.all([
    ask("remote", "get-url", remote),
    ask("config", "user.name"),
    ask("config", "user.email"),
  ]);
  if (!url) throw new AppError("invalid", `The remote ${remote} of ${root} has no URL`);
  const branch = merge.replace(/^refs\/heads\//, "");
  return { root, url, branch, commit, userName: userName || null, userEmail: userEmail || null };
};
