import { isFinalJob } from "../../shared/states.ts";
import { type JobOrigin, jobCreated } from "../domain/events/jobEvents.ts";
import type { LatestSubmission } from "../domain/runs/derive.ts";
import { type JobHistory, judgeRetry, outlivesHost } from "../domain/runs/retry.ts";
import type { RunRow } from "../store/runs.ts";
import {
  deleteSubmissions,
  insertSubmissions,
  type NewSubmissionRow,
  type SubmissionRow,
} from "../store/submissions.ts";
import type { Changes } from "./changes.ts";
import type { EngineDeps } from "./engineDeps.ts";

/** All attempts at one job of a run, oldest first, the newest also by itself. */
export interface JobAttempts {
  latest: SubmissionRow;
  all: SubmissionRow[];
}

/** By replica, then job number; `submissions` in the order of listSubmissions. */
export const groupByJob = (submissions: readonly SubmissionRow[]): JobAttempts[] =>
  [...Map.groupBy(submissions, (row) => `${row.replica_num}/${row.job_num}`).values()].flatMap((all) => {
    const latest = all.at(-1);
    return latest ? [{ latest, all }] : [];
  });

/** What counts for retrying: since the run was submitted or, of a scheduled one, since it was last begun. */
export const historyOf = (run: RunRow, { latest, all }: JobAttempts): JobHistory => {
  const since = run.triggered_at ?? run.submitted_at;
  const attempts = all.filter((row) => row.submitted_at >= since);
  return { retry: latest.job_spec.retry, attempts, since };
};

export const stateOf = (run: RunRow, job: JobAttempts, now: number): LatestSubmission => {
  const { replica_num, job_num, status, termination_reason } = job.latest;
  const retry = judgeRetry(historyOf(run, job), now);
  return { replica_num, job_num, status, termination_reason, retry };
};

/** Whether the job may be given to another host while this one is silent: then the agent's own clock must end it. */
export const endsInSilence = (run: Pick<RunRow, "spec">, submission: SubmissionRow): boolean =>
  outlivesHost(submission) || isScheduled(run);

export const isScheduled = ({ spec }: Pick<RunRow, "spec">): boolean =>
  (spec.configuration.schedule ?? spec.profile?.schedule ?? null) !== null;

/** A new attempt at every job of the run, or of these replicas; their specs are those of the run as it is now. */
export const attemptAgain = (
  deps: EngineDeps,
  run: RunRow,
  {
    jobs,
    replicas,
    origin,
  }: { jobs: readonly JobAttempts[]; replicas?: readonly number[]; origin: JobOrigin },
): Changes => {
  const known = new Map(jobs.map((job) => [`${job.latest.replica_num}/${job.latest.job_num}`, job]));
  const specs = deps.jobSpecs(run);
  const nums = replicas ?? [...new Set(specs.map((spec) => spec.replica_num))];
  const now = deps.clock.now();
  const rows: NewSubmissionRow[] = [];
  const stale: string[] = [];
  for (const num of nums)
    for (const spec of specs) {
      const before = known.get(`${num}/${spec.job_num}`);
      const submissionNum = before ? before.latest.submission_num + 1 : 0;
      stale.push(...staleBefore(before?.all ?? [], submissionNum));
      rows.push({
        id: crypto.randomUUID(),
        run_id: run.id,
        replica_num: num,
        job_num: spec.job_num,
        submission_num: submissionNum,
        deployment_num: run.deployment_num,
        job_spec: { ...spec, replica_num: num },
        status: "submitted",
        submitted_at: now,
        last_processed_at: now,
      });
    }
  return {
    statements: [...deleteSubmissions(deps.db, stale), ...insertSubmissions(deps.db, rows)],
    events: rows.map((row) => jobCreated({ ...row, project_id: run.project_id }, origin)),
    effects: [],
  };
};

/** Attempts that never found a host, but the last: nobody misses them (docs/spec/lifecycle.md §3.2). */
const staleBefore = (attempts: readonly SubmissionRow[], submissionNum: number): string[] =>
  attempts
    .filter(
      (row) =>
        row.instance_id === null &&
        isFinalJob(row.status) &&
        row.submission_num < submissionNum - 1 &&
        (row.termination_reason === "failed_to_start_due_to_no_capacity" ||
          row.termination_reason === "terminated_by_server"),
    )
    .map((row) => row.id);
