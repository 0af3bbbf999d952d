import type { Report, ReportAnswer } from "../../shared/protocol/report.ts";
import { isFinalJob } from "../../shared/states.ts";
import { reasonOfLoss } from "../domain/runs/retry.ts";
import type { InstanceRow } from "../store/instances.ts";
import type { RunRow } from "../store/runs.ts";
import { claimReport, findSubmission, patchSubmission, type SubmissionRow } from "../store/submissions.ts";
import { type Changes, NOTHING } from "./changes.ts";
import { finishSubmission } from "./endings.ts";
import type { Engine } from "./engine.ts";
import type { EngineDeps } from "./engineDeps.ts";
import { claimAnew } from "./expire.ts";
import { type JobOfProject, jobMove } from "./moves.ts";
import type { RunDraft } from "./runDraft.ts";

type Result = ReportAnswer["results"][number]["result"];

/**
 * Takes over what an agent says of its submissions, in order. A sequence seen before changes nothing; a
 * submission that is not (or no longer) this instance's is refused, and the agent ends it.
 */
export const applyReports = async (
  deps: EngineDeps & { engine: Engine },
  instance: InstanceRow,
  reports: readonly Report[],
): Promise<ReportAnswer> => {
  const results: ReportAnswer["results"] = [];
  for (let at = 0; at < reports.length; ) {
    const id = reports[at]?.submission_id ?? "";
    const end = reports.findIndex((report, other) => other > at && report.submission_id !== id);
    const own = reports.slice(at, end < 0 ? undefined : end);
    const found = await applyToOne(deps, instance, { id, reports: own });
    results.push(...found.map((result) => ({ submission_id: id, result })));
    at += own.length;
  }
  return { results };
};

/** Reports of one submission, which came together: one transaction. */
const applyToOne = async (
  deps: EngineDeps & { engine: Engine },
  instance: InstanceRow,
  { id, reports }: { id: string; reports: readonly Report[] },
): Promise<Result[]> => {
  const known = await findSubmission(deps.db, id);
  if (known?.instance_id !== instance.id) return reports.map(() => "fenced");
  let results: Result[] = [];
  await deps.engine.withRun(known.run_id, (draft) => {
    const { run } = draft;
    results = reports.map((report) => (run ? applyReport(deps, instance, { draft, run, report }) : "fenced"));
  });
  return results;
};

const applyReport = (
  deps: EngineDeps,
  instance: InstanceRow,
  { draft, run, report }: { draft: RunDraft; run: RunRow; report: Report },
): Result => {
  const submission = draft.findSubmission(report.submission_id);
  if (!submission || !isEntitled(submission)) return "fenced";
  if (report.sequence <= submission.report_sequence) return "stale";
  const changes = changesOf(deps, { ...submission, project_id: run.project_id }, report);
  if (submission.acknowledged_at === null) deps.agents.confirmed(instance.id);
  const claimed = claimReport(deps.db, submission.id, report.sequence);
  draft.add({ ...changes, statements: [claimed, ...changes.statements] });
  return "applied";
};

/** An attempt that was given up: final, and nothing more is expected of it. */
const isEntitled = (submission: SubmissionRow): boolean =>
  !(isFinalJob(submission.status) && submission.log_complete && submission.log_bytes === null);

const changesOf = (deps: EngineDeps, submission: JobOfProject, { fact, at }: Report): Changes => {
  const { db, clock } = deps;
  const patch = {
    acknowledged_at: submission.acknowledged_at ?? clock.now(),
    last_processed_at: clock.now(),
  };
  switch (fact.state) {
    case "preparing":
      return { statements: [patchSubmission(db, submission.id, patch)], effects: [] };
    case "pulling": {
      const pulling = { ...patch, pull_progress: fact.progress ?? null };
      if (submission.status !== "pulling") return jobMove(db, submission, { to: "pulling", patch: pulling });
      return { statements: [patchSubmission(db, submission.id, pulling)], effects: [] };
    }
    case "running": {
      const found = { working_dir: fact.working_dir ?? null, username: fact.username ?? null };
      const runtime_data = submission.runtime_data && { ...submission.runtime_data, ...found };
      return jobMove(db, submission, { to: "running", patch: { ...patch, runtime_data } });
    }
    case "finished": {
      if (isFinalJob(submission.status)) return NOTHING;
      deps.log.debug("A job has ended", { submission_id: submission.id, at, exit_status: fact.exit_status });
      const isUnasked = submission.status !== "terminating" && fact.reason === "terminated_by_server";
      // Its answers never came there: it let go of what it took itself to be no more entitled to.
      if (isUnasked && submission.acknowledged_at === null && submission.job_spec.jobs_per_replica === 1)
        return claimAnew(deps, submission, submission.project_id);
      return finishSubmission(deps, submission, {
        projectId: submission.project_id,
        reason: isUnasked ? reasonOfLoss(submission) : fact.reason,
        message: isUnasked ? fact.message || "The host was cut off for too long" : fact.message,
        exitStatus: fact.exit_status,
        logBytes: fact.log_bytes,
        abandoned: false,
      });
    }
  }
};
