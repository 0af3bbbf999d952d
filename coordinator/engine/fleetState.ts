import type { FleetInstance, FleetState } from "../domain/fleets/decideFleet.ts";
import { whyNotInFleet } from "../domain/fleets/fleetOffers.ts";
import type { FleetRow } from "../store/fleets.ts";
import type { InstanceRow } from "../store/instances.ts";
import type { Capacity } from "./capacity.ts";

/** A fleet as its policy sees it: what is stored, and who is there at the moment. */
export const stateOfFleet = (
  fleet: FleetRow,
  rows: readonly InstanceRow[],
  {
    capacity,
    canMake,
    withOutput,
  }: { capacity: Capacity; canMake: boolean; withOutput: ReadonlySet<string> },
): FleetState => {
  const { nodes, placement } = fleet.spec.configuration;
  return {
    status: fleet.status === "terminating" ? "terminating" : "active",
    nodes: nodes && { min: nodes.min, max: nodes.max },
    canMake,
    isCluster: placement === "cluster",
    masterId: fleet.master_id,
    attempts: fleet.attempts,
    nextAttemptAt: fleet.next_attempt_at,
    instances: rows.flatMap((row) => instanceOf(fleet, row, { capacity, withOutput })),
  };
};

const instanceOf = (
  fleet: FleetRow,
  row: InstanceRow,
  { capacity, withOutput }: { capacity: Capacity; withOutput: ReadonlySet<string> },
): FleetInstance[] => {
  const { status, made, idle_duration_s: seconds } = row;
  if (status === "terminated") return [];
  const offer = made?.offer;
  return [
    {
      id: row.id,
      num: row.instance_num,
      status,
      isMade: made !== null,
      isForJob: made?.for_job !== undefined,
      hasJobs: (capacity.get(row.id)?.occupants.size ?? 0) > 0,
      hasOutput: withOutput.has(row.id),
      idleSince: row.idle_since,
      idleDurationMs: seconds === null || seconds < 0 ? null : seconds * 1000,
      fits: !offer || whyNotInFleet(offer, fleet.spec) === undefined,
    },
  ];
};
