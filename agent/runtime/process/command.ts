import { accessSync, appendFileSync, constants, statSync } from "node:fs";
import { isAbsolute, join, normalize } from "node:path";
import { messageOf } from "../../../shared/errors.ts";
import type { Assignment } from "../../../shared/protocol/assignment.ts";
import type { GpuDevice } from "../../../shared/protocol/inventory.ts";
import { noticeLine } from "../../jobs/logQuota.ts";
import { checkExecSize } from "../execLimits.ts";
import { type RuntimeJob, StartError } from "../runtime.ts";
import { gpuEnv } from "./gpuEnv.ts";
import type { CommandSpec } from "./messages.ts";
import { makeFolder, resolvePath } from "./paths.ts";
import { placeArchives } from "./placeArchives.ts";
import { placeRepo } from "./placeRepo.ts";
import { type JobUser, resolveUser } from "./user.ts";

/** What of the agent's environment jobs get: what describes the host, and never what is the agent's own. */
const INHERITED =
  /^(PATH|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|LD_LIBRARY_PATH|(CUDA|ROCM|HIP|NVIDIA|XDG_RUNTIME)_\w+|SSL_CERT_(FILE|DIR)|(https?|no|all)_proxy|(HTTPS?|NO|ALL)_PROXY)$/;
export const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export interface HostFacts {
  /** The agent's own environment. */
  env: Readonly<Record<string, string | undefined>>;
  own: { uid: number; gid: number };
  gpus: () => readonly GpuDevice[];
}

/** A job's own folder, for one that names none. Another user could not reach it: that one's home takes its place. */
const workingDirOf = (job: RuntimeJob, user: JobUser): string => {
  const base = user.change ? user.home : join(job.dir, "work");
  const path = resolvePath(job.assignment.working_dir ?? base, { home: user.home, base });
  try {
    makeFolder(path, user);
  } catch (err) {
    throw new StartError("executor_error", `Cannot use the working directory "${path}": ${messageOf(err)}`);
  }
  return path;
};

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
};

const findProgram = (name: string, { path, cwd }: { path: string; cwd: string }): string => {
  const full = name.includes("/")
    ? isAbsolute(name)
      ? name
      : join(cwd, name)
    : Bun.which(name, { PATH: path });
  if (full && isExecutable(full)) return full;
  const isShell = name.startsWith("/bin/");
  throw new StartError("container_exited_with_error", `The command "${name}" was not found on this host`, {
    ...(isShell ? { hint: `Set another shell, for example "shell: sh"` } : {}),
  });
};

/**
 * The assignment's argv for a host without a container: an interactive shell would read the user's start-up files
 * and go on prompting after an error (docs/spec/lifecycle.md §1.4), and has no one to talk to here.
 */
const withoutInteractive = (argv: readonly string[]): string[] => {
  const [shell = "", flag, command] = argv;
  const isShell = argv.length === 4 && flag === "-i" && command === "-c" && /(^|\/)\w*sh$/.test(shell);
  return isShell ? [shell, ...argv.slice(2)] : [...argv];
};

/** `setpriv` (util-linux) changes user and groups in the process that becomes the command. */
export const asUser = ({ uid, gid, change }: JobUser): string[] => {
  if (!change) return [];
  const setpriv = Bun.which("setpriv", { PATH: DEFAULT_PATH });
  if (!setpriv)
    throw new StartError("executor_error", "Cannot change the user: setpriv (util-linux) is not installed");
  const groups = change.keepGroups ? "--init-groups" : "--clear-groups";
  return [setpriv, `--reuid=${uid}`, `--regid=${gid}`, groups, "--"];
};

const refuse = (what: string, hint: string): StartError =>
  new StartError("executor_error", `Cannot ${what}: this host runs jobs without containers`, { hint });

/** What only a container can give is said, not left out. */
const checkSupported = (assignment: Assignment): void => {
  if (assignment.image)
    throw refuse(
      `run in the image "${assignment.image}"`,
      "Leave it out, or choose a host with a container engine",
    );
  if (assignment.privileged)
    throw refuse(
      "run a privileged container",
      'Leave out "privileged", or choose a host with a container engine',
    );
  if (assignment.argv.length === 0)
    throw new StartError(
      "creating_container_error",
      "There is no command, and no container image to take one from",
    );
};

/** Without containers a volume is the host's folder itself, so it can only be where it is. */
const makeVolumes = (job: RuntimeJob, user: JobUser): void => {
  const { assignment } = job;
  for (const { source, target, optional } of assignment.mounts) {
    try {
      if (normalize(source) !== normalize(target))
        throw refuse(
          `mount "${source}" at "${target}"`,
          "Give both the same path, or choose a host with a container engine",
        );
      makeFolder(source, user);
    } catch (err) {
      const problem =
        err instanceof StartError
          ? err
          : new StartError("executor_error", `Cannot use the volume "${source}": ${messageOf(err)}`);
      if (!optional) throw problem;
      giveNotice(job, `${problem.message}: the job runs without this volume`);
    }
  }
};

/** Above the job's output: its supervisor is not there yet. */
const giveNotice = ({ spoolPath }: RuntimeJob, text: string): void =>
  appendFileSync(spoolPath, noticeLine(text, true), { mode: 0o600 });

export interface PreparedCommand {
  spec: CommandSpec;
  user: JobUser;
}

/** Readies everything that a job names on this host, its files too; throws a StartError that says what is not there. */
export const prepareCommand = (job: RuntimeJob, host: HostFacts): PreparedCommand => {
  const { assignment, dir, spoolPath } = job;
  checkSupported(assignment);
  const user = resolveUser(assignment.user, host.own);
  makeVolumes(job, user);
  const cwd = workingDirOf(job, user);
  const repoDir = placeRepo(job, user, cwd);
  if (job.repo?.notice !== undefined) giveNotice(job, job.repo.notice);
  // Before the program is looked for: it may be one of them.
  placeArchives(job, user, cwd);
  const inherited = Object.entries(host.env).filter(
    ([name, value]) => INHERITED.test(name) && value !== undefined,
  );
  const env: Record<string, string> = {
    PATH: DEFAULT_PATH,
    TERM: "xterm-256color",
    ...(Object.fromEntries(inherited) as Record<string, string>),
    USER: user.name,
    LOGNAME: user.name,
    ...gpuEnv(assignment.gpu_ids, host.gpus()),
    ...assignment.env,
    HOME: user.home,
    PWD: cwd,
    DSTACK_JOB_ID: assignment.submission_id,
    DSTACK_WORKING_DIR: cwd,
    ...(repoDir === undefined ? {} : { DSTACK_REPO_DIR: repoDir }),
  };
  const [name = "", ...args] = withoutInteractive(assignment.argv);
  const argv = [...asUser(user), findProgram(name, { path: env["PATH"] ?? DEFAULT_PATH, cwd }), ...args];
  checkExecSize(argv, env);
  const quota = assignment.log_quota_hour;
  const logQuota = typeof quota === "number" ? { logQuotaHour: quota } : {};
  const terminalOwner = user.change ? { terminalOwner: { uid: user.uid, gid: user.gid } } : {};
  return {
    spec: {
      submissionId: assignment.submission_id,
      dir,
      spoolPath,
      argv,
      env,
      cwd,
      ...logQuota,
      ...terminalOwner,
    },
    user,
  };
};
