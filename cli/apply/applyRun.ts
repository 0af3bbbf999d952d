import type { Run, RunPlan } from "../../shared/api/runs.ts";
import { mergeProfile } from "../../shared/config/profile.ts";
import { messageOf } from "../../shared/errors.ts";
import { isFinalRun } from "../../shared/states.ts";
import type { Api } from "../api/client.ts";
import { listFleets } from "../api/fleets.ts";
import { applyPlan, getPlan } from "../api/plans.ts";
import { JobAccess } from "../attach/access.ts";
import { openReverse } from "../attach/openReverse.ts";
import { MAIN_JOB } from "../attach/wantedJob.ts";
import type { Context } from "../context.ts";
import { startLive } from "../output/live.ts";
import { printMessage } from "../output/message.ts";
import { confirm, printExiting } from "../output/prompt.ts";
import { hourAndMinute } from "../output/time.ts";
import { interruptible } from "../process/interruptible.ts";
import { openIdentities } from "../ssh/identity.ts";
import type { JobPorts } from "../tunnel/jobPorts.ts";
import type { ReverseForward } from "../tunnel/reverseForward.ts";
import { renderOffers } from "../views/offers.ts";
import { renderPlan } from "../views/plan.ts";
import { renderRuns } from "../views/runs.ts";
import { attachToRun } from "./attachRun.ts";

import { noOffersText } from "./noOffers.ts";
import { printChanges } from "./printChanges.ts";
import { propose } from "./question.ts";
import type { MadeRunSpec } from "./runSpec.ts";
import { printService } from "./service.ts";
import { stopAndWait } from "./stopAndWait.ts";

export interface ApplyWish {
  readonly yes: boolean;
  readonly force: boolean;
  readonly detach: boolean;
  readonly verbose: boolean;
  readonly maxOffers: number;
  readonly fullOffers: boolean;
  readonly unallocated: boolean;
  /** Path of the private key that opens the run; undefined: the user's own. */
  readonly identity: string | undefined;
  /** Ports of the job that lead here. */
  readonly reverse: readonly ReverseForward[];
  /** The address here that forwarded ports listen on; undefined: this machine only. */
  readonly host: string | undefined;
}

/** Plans a run, asks, submits it and stays with it (docs/spec/cli.md §4). Returns the exit code. */
export const applyRun = async (
  ctx: Context,
  api: Api,
  { made, wish }: { made: Promise<MadeRunSpec>; wish: ApplyWish },
): Promise<number> => {
  const plan = await interruptible(ctx, () => fetchPlan(ctx, api, { made, wish }));
  await printPlan(ctx, { api, plan, wish });
  const proposal = propose(plan);
  for (const line of proposal.finding) ctx.out.write(`${line}\n`);
  if (plan.current_resource && proposal.action !== "submit" && !proposal.isUnchanged)
    await printChanges(ctx, plan.current_resource.run_spec, plan.effective_run_spec ?? plan.run_spec);
  if (proposal.isUnchanged && wish.yes && !wish.force) {
    ctx.out.write("Use --force to apply anyway.\n");
    return 0;
  }
  if (!wish.yes && !(await confirm(ctx, proposal.question))) {
    printExiting(ctx);
    return 0;
  }
  // Before anything is stopped or submitted: what cannot be had is no reason to lose a run.
  using ports = wish.detach ? undefined : await openPorts(ctx, { plan, host: wish.host });
  const run = await interruptible(ctx, async (signal) => {
    const current = plan.current_resource;
    if (proposal.action === "override" && current) await stopAndWait(ctx, { api, run: current, signal });
    const { spec, code } = await made;
    if (code) {
      const { uploadCode } = await import("../repos/uploadCode.ts");
      await uploadCode(ctx, api, { repoId: spec.repo_id ?? "", code });
    }
    using _ = startLive(ctx, "Applying plan...");
    return await applyPlan(api, plan.run_spec, current);
  });
  if (wish.detach) {
    const word = plan.action === "update" ? "updated" : "submitted";
    ctx.out.write(`Run ${run.run_spec.run_name} ${word}, detaching...\n`);
    return 0;
  }
  const identities = openIdentities(ctx, api, wish.identity);
  const reverse = await openReverse(ctx, wish.reverse);
  using access = new JobAccess(ctx, api, { wanted: MAIN_JOB, ports, identities, reverse });
  const onUp = (up: Run) => tellUp(ctx, { api, run: up, access });
  return await attachToRun(ctx, { api, run, yes: wish.yes, access, onUp });
};

/** The ports of the first job, bound; undefined: it has none. */
const openPorts = async (
  ctx: Context,
  { plan, host }: { plan: RunPlan; host: string | undefined },
): Promise<JobPorts | undefined> => {
  const apps = plan.job_plans[0]?.job_spec.app_specs ?? [];
  if (apps.length === 0) return undefined;
  const { bindPorts, forwardsOf, JobPorts } = await import("../tunnel/jobPorts.ts");
  const wish = { host, failed: "Failed to submit", command: "dstack apply" };
  return new JobPorts(ctx, bindPorts(forwardsOf(apps), wish));
};

/** The run is up: what it is, and what of it is here. */
const tellUp = async (
  ctx: Context,
  { api, run, access }: { api: Api; run: Run; access: JobAccess },
): Promise<void> => {
  const isBad = isFinalRun(run.status) && run.status !== "done";
  ctx.out.write(`${renderRuns(ctx.out, [run], { isVerbose: isBad, time: hourAndMinute })}\n`);
  ctx.out.write(`${run.run_spec.run_name} provisioning completed (${run.status})\n`);
  if (!isBad) printService(ctx, api, run);
  if (isFinalRun(run.status)) return;
  // Its output is not kept waiting for what it may never be asked for.
  access
    .open(run)
    .catch((err: unknown) => ctx.err.write(`The ports of the run are not here: ${messageOf(err)}\n`));
  for (const line of [...(access.ports?.lines() ?? []), ...(access.reverse?.lines() ?? [])])
    ctx.out.write(`${line}\n`);
};

const fetchPlan = async (
  ctx: Context,
  api: Api,
  { made, wish }: { made: Promise<MadeRunSpec>; wish: ApplyWish },
): Promise<RunPlan> => {
  // Meanwhile it is said what is read and uploaded.
  const { spec } = await made;
  using _ = startLive(ctx, "Getting apply plan...");
  return await getPlan(api, {
    run_spec: spec,
    max_offers: wish.maxOffers,
    full_offers: wish.fullOffers,
    unallocated_resources: wish.unallocated,
    for_offers_only: false,
    reverse_offers: false,
  });
};

const printPlan = async (
  ctx: Context,
  { api, plan, wish }: { api: Api; plan: RunPlan; wish: ApplyWish },
): Promise<void> => {
  ctx.out.write(`${renderPlan(ctx.out, plan, wish.verbose)}\n`);
  const [job] = plan.job_plans;
  if (job && job.offers.length > 0) {
    const offers = { offers: job.offers, total: job.total_offers, maxPrice: job.max_price };
    ctx.out.write(`${renderOffers(ctx.out, offers)}\n`);
  } else if (job) {
    const { configuration, profile } = plan.effective_run_spec ?? plan.run_spec;
    const placement = mergeProfile(profile, configuration);
    const fleets = await listFleets(api);
    printMessage(
      ctx.out,
      `${noOffersText(fleets, { requirements: job.job_spec.requirements, placement })}\n`,
    );
  }
};
