import { join } from "node:path";
import { checkCloneUrl } from "../../shared/config/cloneUrl.ts";
import { AppError } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import type { AssignedRepo } from "../../shared/protocol/assignment.ts";
import { StartError } from "../runtime/runtime.ts";
import { GitError, type GitOptions, runGit } from "./git.ts";

type Remote = NonNullable<AssignedRepo["remote"]>;

/**
 * Clones into `dir`, which must not be there yet, and brings it to the commit that the run was submitted with. Answers
 * what the job's owner should know of it, if anything.
 */
export const cloneRemote = async (
  remote: Remote,
  dir: string,
  git: GitOptions & { log: Logger },
): Promise<string | undefined> => {
  const { branch, hash, single_branch: isSingle } = remote;
  const url = checkUrl(remote.clone_url);
  const run = (what: string, ...args: string[]) => runGit(what, ["-C", dir, ...args], git);
  await runGit(
    `clone ${url}`,
    [
      ...["-c", "core.hooksPath=/dev/null", "clone", "--quiet", "--no-checkout", "--template="],
      ...(isSingle ? ["--single-branch"] : []),
      ...(branch ? ["--branch", branch] : []),
      ...["--", remote.clone_url, dir],
    ],
    git,
  );
  if (hash) await checkOut(run, { branch, hash });
  else await run("check out the branch", "checkout", "--quiet");
  await run(
    "fetch the submodules",
    ...["submodule", "--quiet", "update", "--init", "--recursive", "--jobs", "4"],
  );
  const notice = await fetchLfs(run, dir, git);
  const { config_name: name, config_email: email } = remote;
  if (name) await run("set user.name", "config", "--local", "user.name", name);
  if (email) await run("set user.email", "config", "--local", "user.email", email);
  return notice;
};

type Run = (what: string, ...args: string[]) => Promise<string>;

/** On its branch where there is one, so that commits and pushes made in the job go where they should. */
const checkOut = async (
  run: Run,
  { branch, hash }: { branch?: string | null | undefined; hash: string },
): Promise<void> => {
  const what = `check out the commit ${hash}`;
  if (!/^[0-9a-f]{4,64}$/i.test(hash)) throw new GitError(what, "this is no hash of a commit");
  const isHere = await run(what, "cat-file", "-e", `${hash}^{commit}`).then(
    () => true,
    (err) => {
      if (err instanceof GitError) return false;
      throw err;
    },
  );
  // Of another branch, or of one that was pushed over since: servers that allow it give single commits.
  if (!isHere) await run(what, "fetch", "--quiet", "origin", hash);
  await run(what, ...["checkout", "--quiet", ...(branch ? ["-B", branch] : ["--detach"]), hash, "--"]);
};

/** Large files, where the repository has such and the host has git-lfs; without it their pointers stay in their place. */
const fetchLfs = async (
  run: Run,
  dir: string,
  git: GitOptions & { log: Logger },
): Promise<string | undefined> => {
  const what = "look for files kept with Git LFS";
  const attributes = await run(what, "ls-files", "-z", "--", ".gitattributes", "**/.gitattributes");
  const files = attributes.split("\0").filter((name) => name !== "");
  const texts = await Promise.all(files.map((name) => Bun.file(join(dir, name)).text()));
  if (!texts.some((text) => /\bfilter=lfs\b/.test(text))) return undefined;
  const path = git.hostEnv["PATH"];
  if (!Bun.which("git-lfs", path === undefined ? {} : { PATH: path })) {
    git.log.warn(NO_LFS);
    return `${NO_LFS}: in the place of such files there are their pointers`;
  }
  await run("set Git LFS up", "lfs", "install", "--local", "--skip-repo");
  await run("fetch the files kept with Git LFS", "lfs", "pull");
  return undefined;
};

const NO_LFS = "The repository keeps files with Git LFS, and git-lfs is not installed on this host";

const checkUrl = (url: string): string => {
  try {
    return checkCloneUrl(url);
  } catch (err) {
    if (err instanceof AppError)
      throw new StartError("container_exited_with_error", err.message, { cause: err });
    throw err;
  }
};
