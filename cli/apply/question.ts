import type { RunPlan } from "../../shared/api/runs.ts";
import { describeChanges, diffRuns } from "../../shared/config/diff.ts";
import { isFinalRun } from "../../shared/states.ts";

/** What is to be done, and how the user is asked (docs/spec/cli.md §4, step 7). */
export interface Proposal {
  /** What the server found, as lines to print; empty if there is nothing to say. */
  readonly finding: readonly string[];
  readonly question: string;
  readonly action: "submit" | "update" | "override";
  /** An active run is asked for again, with nothing new. */
  readonly isUnchanged: boolean;
}

export const propose = (plan: RunPlan): Proposal => {
  const { current_resource: current, run_spec: sent } = plan;
  const wanted = plan.effective_run_spec ?? sent;
  const name = sent.run_name;
  if (!current || isFinalRun(current.status)) {
    const question = name === null ? "Submit a new run?" : `Submit the run ${name}?`;
    return { finding: [], question, action: "submit", isUnchanged: false };
  }
  const changes = describeChanges(diffRuns(current.run_spec, wanted));
  const exists = `Active run ${name} already exists. Detected`;
  if (plan.action === "create") {
    const finding = [`${exists} changes that cannot be updated in-place:`, ...changes, ""];
    return { finding, question: "Stop and override the run?", action: "override", isUnchanged: false };
  }
  if (changes.length > 0) {
    const finding = [`${exists} changes that can be updated in-place:`, ...changes, ""];
    return { finding, question: "Update the run?", action: "update", isUnchanged: false };
  }
  return {
    finding: [`${exists} no changes.`],
    question: "Stop and override the run?",
    action: "override",
    isUnchanged: true,
  };
};
