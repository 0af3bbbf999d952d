import type { JobAccount } from "../runtime/runtime.ts";
import type { JobShell } from "../runtime/shell.ts";

/** A job that uses the host at this moment. */
export interface UsedJob {
  submissionId: string;
  gpuIds: readonly string[];
  account: JobAccount;
}

/** What a job has printed so far, and how to hear of more. */
export interface JobOutput {
  spoolPath: string;
  /** Where the output begins that came at a time (milliseconds since 1970) or after it. */
  offsetAt(at: number): number;
  /** Calls back when there is more; returns how to stop that. */
  onGrown(listener: () => void): () => void;
}

/** A job whose command runs, for whoever is led to it from afar. */
export interface AttachedJob {
  /** Folder of the submission. */
  dir: string;
  account: JobAccount;
  shell: JobShell | undefined;
  output: JobOutput;
  /** Somebody uses it from afar, until the returned function is called (docs/dev-environments.md, inactivity). */
  use(): () => void;
  /** Aborted once the command has ended, or this process has let go of the job; the reason is a sentence for people. */
  ended: AbortSignal;
}
