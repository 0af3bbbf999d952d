/**
 * What an agent and the supervisor of one job say to each other: JSON lines over the agent's unix socket, which
 * supervisors dial. Both sides are the same user's; an agent may be newer than a supervisor that it adopts, so
 * fields are only added.
 */
export interface CommandSpec {
  submissionId: string;
  /** Folder of the submission: the records go here. */
  dir: string;
  spoolPath: string;
  /** The first is an absolute path. */
  argv: string[];
  env: Record<string, string>;
  cwd: string;
  /** Folders of the control groups that are the job's alone (cgroups.ts). */
  cgroups?: string[];
  /** As in the assignment. */
  logQuotaHour?: number;
  /** Owner of the terminal, where the command changes its user. */
  terminalOwner?: { uid: number; gid: number };
}

export type ToSupervisor = { type: "run"; spec: CommandSpec } | { type: "stop"; graceMs: number };

export type FromSupervisor =
  /** The first line of every connection; without a submission: warm, waiting for one. */
  | { type: "hello"; pid: number; submissionId?: string }
  | { type: "started"; pid: number }
  /**
   * The command could not be started. `isTaken`: another supervisor has this submission already; `isFull`: there was no
   * room on the disk, and nothing was done.
   */
  | { type: "refused"; message: string; isTaken: boolean; isFull?: boolean }
  /** The spool has grown. */
  | { type: "output" }
  /** The record of the end is on disk. */
  | { type: "ended" };
