import type { CapacityEntry } from "../domain/instances/capacityEntry.ts";
import { totalBlocksOf } from "../domain/instances/division.ts";
import { fitInstance } from "../domain/instances/fitInstance.ts";
import { hasJoined } from "../domain/instances/madeRow.ts";
import { networkModeOf } from "../domain/instances/networkMode.ts";
import { nodeAddresses } from "../domain/instances/nodeAddresses.ts";
import { allot, wholeOf } from "../domain/instances/occupancy.ts";
import { provisioningDataOf, runtimeDataOf } from "../domain/instances/provisioningData.ts";
import { patchSubmission, type SubmissionRow } from "../store/submissions.ts";
import { type Changes, merge } from "./changes.ts";
import type { EngineDeps } from "./engineDeps.ts";

/**
 * Says where the jobs are for which instances were made, and what of these they have, once all of a replica have joined:
 * no node begins before every other has an address (docs/spec/lifecycle.md §4).
 */
export const settlePlaces = (deps: EngineDeps, latest: readonly SubmissionRow[]): Changes => {
  const replicas = Map.groupBy(latest, (job) => job.replica_num);
  return merge(
    [...replicas.values()].flatMap((replica) => {
      if (!replica.some((job) => job.status === "provisioning" && job.provisioning_data === null)) return [];
      const entries = replica.map((job) => deps.capacity.get(job.instance_id ?? ""));
      const there = entries.filter((entry) => entry !== undefined && hasJoined(entry.instance));
      return there.length === replica.length
        ? replica.map((job, rank) => settle(deps, job, { entries: there as CapacityEntry[], rank }))
        : [];
    }),
  );
};

const settle = (
  { db, scheduler, clock, jobNetworkMode }: EngineDeps,
  job: SubmissionRow,
  { entries, rank }: { entries: readonly CapacityEntry[]; rank: number },
): Changes => {
  const entry = entries[rank];
  if (!entry) throw new Error(`Job ${job.id} has no host`);
  const { instance } = entry;
  const share = shareFor(job, entry);
  const addresses = nodeAddresses(entries.map((one) => one.instance));
  const patch = {
    share,
    provisioning_data: provisioningDataOf(instance, addresses[rank] ?? null, share),
    runtime_data: runtimeDataOf(
      instance,
      share,
      networkModeOf(jobNetworkMode, { entry, share }, job.job_spec),
    ),
    last_processed_at: clock.now(),
  };
  return {
    statements: [patchSubmission(db, job.id, patch)],
    effects: [() => scheduler.settle(instance.id, job.id, share)],
  };
};

/** As much as the job needs of what has really come; all of it, if that is less than was offered. */
const shareFor = (
  { id, job_spec: { requirements } }: SubmissionRow,
  { instance, occupants }: CapacityEntry,
) => {
  const total = totalBlocksOf(instance) ?? 1;
  const found = fitInstance(requirements, instance, total);
  const [fit] = "fits" in found ? found.fits : [];
  const others = new Map([...occupants].filter(([occupant]) => occupant !== id));
  return (
    allot({ instance, occupants: others }, fit ?? { blocks: total }) ?? wholeOf({ instance }, fit?.vendor)
  );
};
