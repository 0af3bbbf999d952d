import type { Fleet, FleetPlan } from "../../shared/api/fleets.ts";
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

/** Hosts of the configuration that were given up, or taken out. */
const missingHosts = ({ spec, instances }: Fleet): string[] => {
  const there = instances.filter(({ status }) => status !== "terminated").map(({ hostname }) => hostname);
  const wanted = spec.configuration.ssh_config?.hosts ?? [];
  return wanted
    .map((host) => (typeof host === "string" ? host : host.hostname))
    .filter((hostname) => !there.includes(hostname));
};

export const proposeFleet = (plan: FleetPlan): FleetProposal => {
  const { current_resource: current } = plan;
  const wanted = plan.effective_spec ?? plan.spec;
  if (!current) {
    const { name } = wanted.configuration;
    const finding = name === null ? [] : [`Fleet ${name} does not exist yet.`];
    return { finding, question: "Create the fleet?", action: "create", isUnchanged: false };
  }
  const missing = missingHosts(current);
  const changes = describeChanges(diffFleets(current.spec, wanted));
  if (changes.length === 0 && missing.length > 0)
    return {
      finding: [`Found fleet ${current.name}. Hosts that are not in: ${missing.join(", ")}`],
      question: "Bring them in?",
      action: "update",
      isUnchanged: false,
    };
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
