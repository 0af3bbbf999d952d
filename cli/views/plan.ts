import type { JobRetry } from "../../shared/api/jobs.ts";
import type { RunPlan } from "../../shared/api/runs.ts";
import { mergeProfile, type Placement } from "../../shared/config/profile.ts";
import { printDuration } from "../../shared/resources/duration.ts";
import { formatRequirements } from "../../shared/resources/format.ts";
import type { Output } from "../context.ts";
import { renderProperties } from "../output/table.ts";
import { price } from "./price.ts";

const DEFAULT_IDLE_S = 300;

/** What would be submitted, before the offers (docs/spec/cli.md §7.2). */
export const renderPlan = (out: Output, plan: RunPlan, isVerbose: boolean): string => {
  const { configuration, profile } = plan.effective_run_spec ?? plan.run_spec;
  const placement = mergeProfile(profile, configuration);
  const job = plan.job_plans[0]?.job_spec;
  const rows: [string, string][] = [
    ["Project", plan.project_name],
    ["User", plan.user],
    ["Type", typeOf(plan)],
    ["Resources", formatRequirements(job?.requirements.resources ?? configuration.resources)],
    ["Spot policy", spotPolicyOf(job?.requirements.spot ?? null)],
    ["Max price", maxPriceOf(job?.requirements.max_price ?? null)],
    ["Retry policy", retryOf(job?.retry ?? null)],
  ];
  if (isVerbose || placement.creation_policy !== "reuse-or-create") {
    rows.push(["Creation policy", placement.creation_policy ?? "reuse-or-create"]);
  }
  rows.push(["Idle duration", idleOf(placement)]);
  rows.push(["Max duration", durationOr(job?.max_duration ?? null, "off")]);
  if (configuration.type === "dev-environment") {
    rows.push(["Inactivity duration", durationOr(configuration.inactivity_duration, "off")]);
  }
  if (isVerbose || placement.reservation !== null) rows.push(["Reservation", placement.reservation ?? "no"]);
  return renderProperties(out, rows);
};

const typeOf = ({ job_plans: jobs, effective_run_spec: effective, run_spec: sent }: RunPlan): string => {
  const { type } = (effective ?? sent).configuration;
  return type === "task" ? `task (nodes=${jobs.length})` : type;
};

export const spotPolicyOf = (spot: boolean | null): string =>
  spot === null ? "auto" : spot ? "spot" : "on-demand";

/** Limits are shown to the sixth decimal. */
export const maxPriceOf = (dollars: number | null): string => (dollars === null ? "off" : price(dollars, 6));

/** `4h[no-capacity]` */
const retryOf = (retry: JobRetry | null): string =>
  retry === null ? "off" : `${printDuration(retry.duration)}[${retry.on_events.join(", ")}]`;

const idleOf = ({ idle_duration: seconds }: Placement): string => {
  if (seconds === null) return printDuration(DEFAULT_IDLE_S);
  return seconds < 0 ? "-" : printDuration(seconds);
};

const durationOr = (seconds: number | null, none: string): string =>
  seconds === null ? none : printDuration(seconds);
