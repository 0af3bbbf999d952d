import { AppError } from "../../shared/errors.ts";
import type { Assignment } from "../../shared/protocol/assignment.ts";
import type { RuntimeName } from "../../shared/protocol/inventory.ts";
import type { AgentReason, PullProgress } from "../../shared/protocol/report.ts";
import type { JobShell } from "./shell.ts";

/** A file archive of the assignment: downloaded, checked and unpacked, not yet where the job wants it. */
export interface UnpackedArchive {
  /** Its one top entry, a file or a folder, under {@link RuntimeJob.dir}; the runtime moves, copies or mounts it. */
  source: string;
  /** Where the job wants it: relative ones are under the working directory, `~` is the job user's home. */
  target: string;
}

/** The job's repository, checked out on the host, not yet where the job wants it. */
export interface PreparedRepo {
  /** A folder under {@link RuntimeJob.dir}. */
  source: string;
  /** As in {@link UnpackedArchive}. */
  target: string;
  /** What to do where something is there already: fail, or leave it as it is. */
  ifExists: "error" | "skip";
  /**
   * Credentials for the job itself: `source` a file under {@link RuntimeJob.dir}, `target` in the job user's home. Only
   * where that home is the job's own, and never in place of what is there.
   */
  homeFiles: readonly { source: string; target: string }[];
  /** What the job's owner should know of it; the runtime puts it above the job's output. */
  notice?: string;
}

export interface RuntimeJob {
  assignment: Assignment;
  /** Folder of this submission on the host, 0700: spool, unpacked archives, the runtime's own files. */
  dir: string;
  /** The job's output, byte for byte as it came, is appended to this file by whoever reads the command's pty. */
  spoolPath: string;
  archives: readonly UnpackedArchive[];
  repo?: PreparedRepo;
}

/** How a command ended, as it is reported. `exitStatus`: -1 when a signal ended it, null when it never ran. */
export interface JobEnd {
  exitStatus: number | null;
  /** Name of the signal that ended it, e.g. `SIGSEGV`. */
  signal?: string;
  reason: AgentReason;
  /** For people; empty when there is nothing to add to the reason. */
  message: string;
}

/** Where the kernel accounts for what a job uses; agent/metrics reads it there. */
export interface JobAccount {
  /**
   * The first of the job's processes: of a container its init, else the supervisor, below which all others are.
   * Undefined: there is none (any more), or none that this host's /proc would show. Asked for once in a job's life.
   */
  pid: () => Promise<number | undefined>;
  /** Set where the processes are a container's, which has a cgroup of its own: the id that the cgroup's path has. */
  container?: string;
  /** Folder of the cgroup (version 2) that the runtime has made for this job alone. */
  cgroup?: string;
  /** The job has network interfaces of its own, so that what went over them was the job's. */
  hasNetwork: boolean;
}

export interface RunningJob {
  /** Container or process identifier, for people. */
  runtimeId: string;
  /** As resolved on the host; absent when the runtime does not know. */
  workingDir?: string;
  username?: string;
  /** Settles once the command has ended and all its output is in the spool. Never rejects. */
  ended: Promise<JobEnd>;
  /**
   * Interrupts the command and kills everything of the job after `graceMs` (0: at once). Returns immediately;
   * `ended` tells when it took effect. May be called again with a shorter grace; a longer one changes nothing.
   */
  stop(graceMs: number): void;
  /** Absent where the runtime cannot tell. */
  account?: JobAccount;
  /** Absent where nothing can be run beside the command. */
  shell?: JobShell;
}

export interface RuntimeHooks {
  /** Aborted: give up preparing (a pull, a wait for an engine). A command that runs already is not touched. */
  signal: AbortSignal;
  onPulling(progress?: PullProgress): void;
  /** The spool has grown. Cheap; may be called as often as output arrives. */
  onOutput(): void;
}

/** What runs jobs on this host. All calls for one submission are made one after another. */
export interface Runtime {
  readonly name: RuntimeName;
  /**
   * Starts the command and settles as soon as it runs; then nothing of an earlier attempt is left. Rejects with
   * an AppError when the job's own input or the host made it impossible: its message ends the job, with the
   * reason of a {@link StartError} or else `creating_container_error`. After a rejection nothing of the job runs.
   */
  start(job: RuntimeJob, hooks: RuntimeHooks): Promise<RunningJob>;
  /**
   * Takes up again, after a restart of the agent, what an earlier process started: `ended` then also covers a
   * command that finished meanwhile. `undefined`: it never started, and may be started now.
   */
  adopt(job: RuntimeJob, hooks: RuntimeHooks): Promise<RunningJob | undefined>;
  /** Kills what still runs and removes every trace but the spool. May be repeated, also for what never was. */
  remove(submissionId: string, dir: string): Promise<void>;
}

/** A job that could not be started, with the reason it ends with (docs/spec/agent.md §2.2). */
export class StartError extends AppError {
  readonly reason: AgentReason;

  constructor(reason: AgentReason, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super("invalid", message, options);
    this.name = "StartError";
    this.reason = reason;
  }
}
