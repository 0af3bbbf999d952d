import type { CapacityEntry } from "../domain/instances/capacityEntry.ts";
import { provisioningDataOf, runtimeDataOf } from "../domain/instances/provisioningData.ts";
import { findCandidates } from "../domain/offers/candidates.ts";
import type { RunRow } from "../store/runs.ts";
import type { SubmissionRow } from "../store/submissions.ts";
import type { AgentSessions } from "./agentSessions.ts";
import type { Capacity } from "./capacity.ts";
import type { Placement } from "./engineDeps.ts";

interface PlacerDeps {
  agents: AgentSessions;
  capacity: Capacity;
}

/**
 * Chooses where a submission goes: of the hosts that fit and are free, the best one that is waiting for work right
 * now; one that is about to ask again comes second. Later jobs of a run stay in the fleet of its first.
 */
export const createPlacer =
  ({ agents, capacity }: PlacerDeps) =>
  (run: RunRow, submission: SubmissionRow): Placement => {
    const entries = capacity
      .list(run.project_id)
      .filter(({ instance }) => run.fleet_id === null || instance.fleet_id === run.fleet_id);
    const { fitting, whyNone } = findCandidates(entries, {
      spec: run.spec,
      jobSpec: submission.job_spec,
    });
    const free = fitting.filter(isFree);
    const chosen = free.find(({ instance }) => agents.isWaiting(instance.id)) ?? free[0];
    if (!chosen) return { message: fitting.length > 0 ? whyAllBusy(run, fitting) : whyNone };
    const { instance } = chosen;
    return {
      instanceId: instance.id,
      fleetId: instance.fleet_id,
      provisioningData: provisioningDataOf(instance),
      runtimeData: runtimeDataOf(instance),
    };
  };

const isFree = ({ instance, occupants }: CapacityEntry): boolean =>
  instance.status === "idle" && occupants.size === 0;

/** The words of the reference for it (docs/spec/lifecycle.md §2.7), and then which hosts are meant. */
const whyAllBusy = (run: RunRow, fitting: CapacityEntry[]): string => {
  const text = run.spec.configuration.fleets?.length
    ? "Failed to use specified fleets"
    : "Fleet is at capacity";
  return `${text}: ${fitting.map(({ instance }) => instance.name).join(", ")} busy`;
};
