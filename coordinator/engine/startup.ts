import { mergeProfile } from "../../shared/config/profile.ts";
import type { RunRow } from "../store/runs.ts";
import { patchSubmission, type SubmissionRow } from "../store/submissions.ts";
import { type Changes, merge } from "./changes.ts";
import type { EngineDeps } from "./engineDeps.ts";

export const startupOrder = (
  run: Pick<RunRow, "spec">,
  nodes: number,
): "any" | "master-first" | "workers-first" =>
  nodes > 1 ? (mergeProfile(run.spec.profile, run.spec.configuration).startup_order ?? "any") : "any";

/** Is the job among those that begin before the others? */
export const isFirst = (
  { job_num }: Pick<SubmissionRow, "job_num">,
  order: ReturnType<typeof startupOrder>,
): boolean => order === "any" || (job_num === 0) === (order === "master-first");

/** What is noted when a host is told of a job: from now on it has to confirm it. */
export const beginning = (now: number) => ({
  assigned_at: now,
  last_processed_at: now,
});

/**
 * Tells the hosts of the jobs whose turn has come: of a replica all at once, or in the order of `startup_order` those
 * that wait until the others run (docs/spec/lifecycle.md §4).
 */
export const beginWaiting = (deps: EngineDeps, run: RunRow, latest: readonly SubmissionRow[]): Changes => {
  const replicas = Map.groupBy(latest, (job) => job.replica_num);
  const begun = [...replicas.values()].flatMap((replica) => {
    const waiting = replica.filter((job) => job.status === "provisioning" && job.assigned_at === null);
    // What is made for them is to tell first where they are.
    if (waiting.some((job) => job.provisioning_data === null)) return [];
    const others = replica.filter((job) => !waiting.includes(job));
    if (others.length === 0) return waiting.filter((job) => isFirst(job, startupOrder(run, replica.length)));
    return others.every((job) => job.status === "running" || job.status === "done") ? waiting : [];
  });
  return merge(
    begun.map((job) => ({
      statements: [patchSubmission(deps.db, job.id, beginning(deps.clock.now()))],
      effects: [() => deps.agents.wake(job.instance_id ?? "")],
    })),
  );
};
