import type { FleetPlan } from "../../shared/api/fleets.ts";
import { describeChanges } from "../../shared/config/diff.ts";
import { diffFleets } from "../../shared/config/fleetDiff.ts";

/** What is to be done, and how the user is asked (docs/spec/cli.md §5.1). */
export interface FleetProposal {
  /** What the server found, as lines to print. */
  readonly finding: readonly string[];
  readonly question: string;
  readonly action: "create" | "update" | "recreate";
  readonly isUnchanged: boolean;
}

export const proposeFleet = (plan: FleetPlan): FleetProposal => {
  const { current_resource: current } = plan;
  const wanted = plan.effective_spec ?? plan.spec;
  if (!current) {
    const { name } = wanted.configuration;
    const finding = name === null ? [] : [`Fleet ${name} does not exist yet.`];
    return { finding, question: "Create the fleet?", action: "create", isUnchanged: false };
  }
  const changes = describeChanges(diffFleets(current.spec, wanted));
  if (changes.length === 0) {
    const finding = [`Found fleet ${current.name}. No configuration changes detected.`];
    return { finding, question: "Re-create the fleet?", action: "recreate", isUnchanged: true };
  }
  const isUpdate = plan.action === "update";
  const can = isUpdate ? "can" : "cannot";
  return {
    finding: [
      `Found fleet ${current.name}. Detected changes that ${can} be updated in-place:`,
      ...changes,
      "",
    ],
    question: isUpdate ? "Update the fleet in-place?" : "Re-create the fleet?",
    action: isUpdate ? "update" : "recreate",
    isUnchanged: false,
  };
};
