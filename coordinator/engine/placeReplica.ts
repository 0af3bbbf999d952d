import { jobAssigned } from "../domain/events/jobEvents.ts";
import { networkModeOf } from "../domain/instances/networkMode.ts";
import { nodeAddresses } from "../domain/instances/nodeAddresses.ts";
import { blockUse } from "../domain/instances/occupancy.ts";
import { provisioningDataOf, runtimeDataOf } from "../domain/instances/provisioningData.ts";
import { patchRun, type RunRow } from "../store/runs.ts";
import type { SubmissionRow } from "../store/submissions.ts";
import { type Changes, merge, NOTHING } from "./changes.ts";
import { finishSubmission } from "./endings.ts";
import type { EngineDeps } from "./engineDeps.ts";
import { jobMove, occupyInstance, runMove } from "./moves.ts";
import type { Decision } from "./runPass.ts";
import { beginning, isFirst, startupOrder } from "./startup.ts";

/** Gives every job of a replica its place on a host, or none of them any (docs/spec/lifecycle.md §4). */
export const placeReplica = (
  deps: EngineDeps,
  run: RunRow,
  submissions: readonly SubmissionRow[],
): Decision => {
  const { db, clock, scheduler, jobNetworkMode } = deps;
  const now = clock.now();
  const choice = scheduler.choose(
    run,
    submissions.map((submission) => submission.job_spec),
  );
  const [first] = submissions;
  if (!first) return NOTHING;
  // The others follow when the run or the replica ends (docs/spec/lifecycle.md §2.7).
  if ("message" in choice) {
    const end = { reason: "failed_to_start_due_to_no_capacity", message: choice.message } as const;
    const none = finishSubmission(deps, first, { ...end, projectId: run.project_id, abandoned: true });
    return { ...none, unplaced: submissions };
  }
  const { places } = choice;
  const addresses = nodeAddresses(places.map(({ entry }) => entry.instance));
  const order = startupOrder(run, submissions.length);
  const placed = submissions.map((submission, rank): Changes => {
    const place = places[rank];
    if (!place || !scheduler.claim(place, submission.id, run.id))
      throw new Error(`The scheduler chose an occupied instance for ${submission.job_spec.job_name}`);
    const { share } = place;
    const { instance } = place.entry;
    const address = addresses[rank] ?? null;
    const isBegun = isFirst(submission, order);
    const patch = {
      instance_id: instance.id,
      share,
      ...(isBegun ? beginning(now) : { last_processed_at: now }),
      provisioning_data: provisioningDataOf(instance, address, share),
      runtime_data: runtimeDataOf(instance, share, networkModeOf(jobNetworkMode, place, submission.job_spec)),
    };
    const job = { ...submission, project_id: run.project_id };
    const moved = jobMove(db, job, { to: "provisioning", patch });
    const occupied = occupyInstance(deps, place.entry);
    return {
      statements: [...moved.statements, ...occupied.statements],
      events: [
        ...jobAssigned(job, instance, blockUse(place.entry)),
        ...(moved.events ?? []),
        ...(occupied.events ?? []),
      ],
      effects: [
        () => deps.capacity.update(instance.id, { status: "busy" }),
        ...(isBegun ? [() => deps.agents.wake(instance.id)] : []),
      ],
      undo: [() => scheduler.release(instance.id, submission.id)],
    };
  });
  const fleet = { fleet_id: places[0]?.entry.instance.fleet_id ?? null, last_processed_at: now };
  const bound =
    run.status === "submitted"
      ? runMove(db, run, { to: "provisioning", patch: fleet })
      : { statements: [patchRun(db, run.id, fleet)], effects: [] };
  return merge([...placed, bound]);
};
