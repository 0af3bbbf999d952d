import { printDuration } from "../../shared/resources/duration.ts";
import type { RunRow } from "../store/runs.ts";
import type { SubmissionRow } from "../store/submissions.ts";
import type { Changes } from "./changes.ts";
import { endSubmission } from "./endings.ts";
import type { EngineDeps } from "./engineDeps.ts";

/** `inactivity_duration` in seconds, as the run has it at this moment: it is changed in place (docs/spec/lifecycle.md §3.6). */
const limitOf = ({ spec: { configuration } }: RunRow): number | null =>
  configuration.type === "dev-environment" ? configuration.inactivity_duration : null;

/** A job that nobody has used for so long ends; its host has said so itself. */
export const endIdle = (deps: EngineDeps, run: RunRow, submission: SubmissionRow): Changes[] => {
  const limit = limitOf(run);
  if (limit === null || !deps.idleness.hasReached(submission, limit * 1000)) return [];
  if (run.status === "terminating" || submission.status !== "running") return [];
  const message = `Nobody was connected for ${printDuration(limit)}, the job's inactivity_duration`;
  return [endSubmission(deps, submission, { run, reason: "inactivity_duration_exceeded", message })];
};

/** From now on, or no more. */
export const watchIdle = (deps: EngineDeps, run: RunRow, submission: SubmissionRow): void => {
  const limit = submission.status === "running" && run.status !== "terminating" ? limitOf(run) : null;
  deps.idleness.watch(submission, { runId: run.id, limitMs: limit === null ? null : limit * 1000 });
};
