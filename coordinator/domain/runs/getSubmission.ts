import { AppError } from "../../../shared/errors.ts";
import type { Deps } from "../../deps.ts";
import { findRun } from "../../store/runs.ts";
import { findSubmission, type SubmissionRow } from "../../store/submissions.ts";

export interface SubmissionKey {
  run_name: string;
  job_submission_id: string;
}

/** An attempt at a job of a run of this project and name, which may have been deleted since. */
export const findSubmissionOf = async (
  deps: Deps,
  projectId: string,
  key: SubmissionKey,
): Promise<SubmissionRow | undefined> => {
  const submission = await findSubmission(deps.db, key.job_submission_id);
  const run = submission && (await findRun(deps.db, submission.run_id));
  return run?.project_id === projectId && run.name === key.run_name ? submission : undefined;
};

export const getSubmission = async (
  deps: Deps,
  projectId: string,
  key: SubmissionKey,
): Promise<SubmissionRow> => {
  const submission = await findSubmissionOf(deps, projectId, key);
  if (!submission) throw new AppError("not_found", "Run not found");
  return submission;
};
