import { chmodSync, existsSync, lchownSync, lstatSync, mkdirSync, readdirSync, type Stats } from "node:fs";
import { join, posix } from "node:path";
import { messageOf } from "../../../shared/errors.ts";
import { type RuntimeJob, StartError } from "../runtime.ts";
import type { JobUser } from "./passwd.ts";

/** What an image's configuration says, as far as a job needs it. */
export interface ImageDefaults {
  user: string;
  workingDir: string;
}

/** Where a job runs and what it finds there. */
export interface Place {
  workingDir: string;
  username: string;
  mounts: { source: string; target: string }[];
  /** What the job has to do without, for its owner. */
  notices: string[];
  /** Where the job's repository is, where it has one. */
  repoDir?: string;
}

/**
 * Whether the home of the job's user, or its ids, are needed: for paths in it, and for what must be the user's own.
 * Mostly they are not, and the image's files need not be read.
 */
export const needsUser = ({ assignment, archives, repo }: RuntimeJob, defaults: ImageDefaults): boolean => {
  const { user = null, working_dir = null } = assignment;
  const paths = [working_dir ?? "", repo?.target ?? "", ...archives.map(({ target }) => target)];
  if (paths.some((path) => path.startsWith("~"))) return true;
  const isRoot = /^(root|0)?(:(root|0))?$/.test(user ?? defaults.user);
  return !isRoot && (archives.length > 0 || repo !== undefined || working_dir !== null);
};

/**
 * Resolves a job's folders and makes those on the host ready (docs/spec/agent.md §2.10, §2.12, §4). `user` is only
 * asked for where {@link needsUser} says so.
 */
export const preparePlace = (job: RuntimeJob, defaults: ImageDefaults, user?: JobUser): Place => {
  const { assignment, archives, repo } = job;
  const expand = (path: string, base: string): string => {
    if (!path.startsWith("~")) return posix.resolve("/", base, path);
    if (path !== "~" && !path.startsWith("~/"))
      throw new StartError(
        "executor_error",
        `Cannot use the path "${path}": homes of other users are not supported`,
      );
    if (!user)
      throw new StartError("executor_error", `Cannot find the home of "${assignment.user ?? defaults.user}"`);
    return posix.join(user.home, path.slice(1));
  };
  const workingDir = expand(assignment.working_dir ?? "", defaults.workingDir);
  const notices: string[] = repo?.notice === undefined ? [] : [repo.notice];
  const mounts = assignment.mounts.filter(({ source, optional }) => {
    const problem = makeMountSource(source);
    if (problem === undefined) return true;
    if (!optional) throw new StartError("executor_error", problem);
    notices.push(`${problem}: the job runs without this volume`);
    return false;
  });
  if (user) for (const { source } of [...(repo ? [repo] : []), ...archives]) giveTo(source, user);
  const repoDir = repo && expand(repo.target, workingDir);
  return {
    workingDir,
    username: (assignment.user ?? defaults.user).split(":")[0] || "root",
    notices,
    ...(repoDir === undefined ? {} : { repoDir }),
    mounts: [
      ...mounts.map(({ source, target }) => ({ source, target })),
      ...archives.map(({ source, target }) => ({ source, target: expand(target, workingDir) })),
    ],
  };
};

/** A missing folder is made for everybody, an existing one is left as it is. Says why it cannot be had. */
const makeMountSource = (source: string): string | undefined => {
  try {
    if (existsSync(source)) return undefined;
    mkdirSync(source, { recursive: true });
    chmodSync(source, 0o777);
    return undefined;
  } catch (err) {
    return `Cannot create "${source}" on the host: ${messageOf(err)}`;
  }
};

/** What was uploaded belongs to the job's user. An agent that is not root cannot give away, only open up. */
export const giveTo = (path: string, user: JobUser): void => {
  try {
    const isRoot = process.getuid?.() === 0;
    forTree(path, isRoot ? (file) => lchownSync(file, user.uid, user.gid) : openUp);
  } catch (err) {
    throw new StartError(
      "executor_error",
      `Cannot give the uploaded files to the job's user: ${messageOf(err)}`,
    );
  }
};

const openUp = (file: string, stats: Stats): void => {
  if (!stats.isSymbolicLink()) chmodSync(file, stats.mode | (stats.isDirectory() ? 0o777 : 0o666));
};

/** Links are visited themselves, never followed. */
const forTree = (path: string, visit: (path: string, stats: Stats) => void): void => {
  const stats = lstatSync(path);
  visit(path, stats);
  if (stats.isDirectory()) for (const entry of readdirSync(path)) forTree(join(path, entry), visit);
};
