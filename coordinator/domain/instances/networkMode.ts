import type { JobRuntimeData, JobSpec } from "../../../shared/api/jobs.ts";
import type { HostShare } from "../../../shared/resources/blocks.ts";
import type { CapacityEntry } from "./capacityEntry.ts";

/**
 * When a job has the network of its host (`DSTACK_SERVER_JOB_NETWORK_MODE`, docs/spec/lifecycle.md §4). 1: one of
 * several nodes; 2: it has the whole host; 3: never.
 */
export type JobNetworkMode = 1 | 2 | 3;

/** Without containers there is no other network than the host's. */
export const networkModeOf = (
  mode: JobNetworkMode,
  { entry, share }: { entry: CapacityEntry; share: HostShare },
  { jobs_per_replica: nodes }: Pick<JobSpec, "jobs_per_replica">,
): JobRuntimeData["network_mode"] => {
  if (entry.instance.inventory.runtime === "process") return "host";
  const isHost = mode === 1 ? nodes > 1 : mode === 2 && share.blocks === share.total;
  return isHost ? "host" : "bridge";
};
