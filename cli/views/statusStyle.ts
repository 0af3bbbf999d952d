import type { JobSubmission } from "../../shared/api/jobs.ts";
import type { Run } from "../../shared/api/runs.ts";
import { isFinalJob, isFinalRun } from "../../shared/states.ts";
import type { Style } from "../output/style.ts";

const BY_WORD: Readonly<Record<string, Style>> = {
  submitted: "grey",
  terminated: "grey",
  done: "grey",
  stopped: "grey",
  provisioning: "blue",
  terminating: "blue",
  pulling: "green",
  running: "green",
  failed: "red",
  error: "red",
  "no fleets": "red",
  "no capacity": "yellow",
  interrupted: "yellow",
  aborted: "yellow",
};

const styleOf = (message: string, status: string, isOver: boolean): readonly Style[] => {
  const colour = BY_WORD[message] ?? BY_WORD[status];
  return [...(colour ? [colour] : []), ...(isOver ? [] : ["bold" as const])];
};

export const runStyle = (run: Run): readonly Style[] =>
  styleOf(run.status_message, run.status, isFinalRun(run.status));

export const jobStyle = (submission: JobSubmission): readonly Style[] =>
  styleOf(submission.status_message, submission.status, isFinalJob(submission.status));
