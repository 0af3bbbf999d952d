import type { RunSpec } from "../../shared/api/runs.ts";
import { mergeProfile } from "../../shared/config/profile.ts";
import { getRequirements, wantsSpot } from "../../shared/config/requirements.ts";
import { AppError } from "../../shared/errors.ts";
import { formatRequirements } from "../../shared/resources/format.ts";
import type { Requirements } from "../../shared/resources/requirements.ts";
import type { Api } from "../api/client.ts";
import { listFleets } from "../api/fleets.ts";
import { openApi } from "../api/open.ts";
import { getPlan, listGpus } from "../api/plans.ts";
import { noOffersText } from "../apply/noOffers.ts";
import { defineCommand } from "../args/command.ts";
import { choice, count, flag, list, value } from "../args/option.ts";
import { projectOption } from "../args/resolve.ts";
import type { Context } from "../context.ts";
import { type Format, formatOf, formatOptions, isData, printData } from "../output/format.ts";
import { printMessage } from "../output/message.ts";
import { renderProperties } from "../output/table.ts";
import { dummyTask } from "../runOptions/dummyTask.ts";
import { type Grouping, groupBy } from "../runOptions/groupBy.ts";
import { placementExclusive, placementOf, placementOptions } from "../runOptions/placement.ts";
import { resourceOptions, resourcesOf } from "../runOptions/resources.ts";
import { renderGpus } from "../views/gpus.ts";
import { renderOffers } from "../views/offers.ts";
import { maxPriceOf, spotPolicyOf } from "../views/plan.ts";

const MOST = 50;
/** Fewer offers than this are preceded by the hint, more are followed by it. */
const FEW = 3;

const HINT =
  "Hint: Existing fleets are ignored, and all available offers are shown. To filter by fleet, pass --fleet NAME.";

export const command = defineCommand({
  description: "List what runs could be placed on, the best first.",
  options: {
    project: projectOption,
    format: choice("--format FORMAT", "plain or json", ["plain", "json"]),
    ...formatOptions,
    groupBy: list("--group-by FIELD", "gpu, and also backend, region or count; separated by commas", groupBy),
    maxOffers: value("--max-offers N", `How many to show (${MOST})`, count),
    fullOffers: flag("--full-offers", "As they are sold, not cut down to what is asked for"),
    unallocated: flag("--unallocated", "Subtract what is in use"),
    ...resourceOptions,
    ...placementOptions,
  },
  exclusive: placementExclusive,
  run: async (ctx, values) => {
    const grouping = mergeGroups(values.groupBy);
    const api = await openApi(ctx, values);
    const runSpec = dummyTask({ resources: resourcesOf(values), placement: placementOf(values) });
    const wish = { api, runSpec, ...values, output: formatOf(values), maxOffers: values.maxOffers ?? MOST };
    if (grouping.length > 0) await showGroups(ctx, wish, grouping);
    else await showOffers(ctx, wish);
  },
});

interface Wish {
  readonly api: Api;
  readonly runSpec: RunSpec;
  readonly output: Format;
  readonly maxOffers: number;
  readonly fullOffers: boolean;
  readonly unallocated: boolean;
}

/** GPUs are the first thing to group by; the server checks the rest. */
const mergeGroups = (given: readonly Grouping[]): Grouping => {
  const groups = [...new Set(given.flat())];
  if (groups.length === 0 || groups.includes("gpu")) return groups;
  throw new AppError("invalid", `Cannot group by '${groups.join(", ")}' without also grouping by 'gpu'`);
};

const showOffers = async (ctx: Context, { api, runSpec, output, ...wish }: Wish): Promise<void> => {
  const plan = await getPlan(api, {
    run_spec: runSpec,
    max_offers: wish.maxOffers,
    full_offers: wish.fullOffers,
    unallocated_resources: wish.unallocated,
    for_offers_only: true,
    reverse_offers: false,
  });
  const [job] = plan.job_plans;
  const requirements = job?.job_spec.requirements ?? requirementsOf(runSpec);
  const offers = job?.offers ?? [];
  const total = job?.total_offers ?? 0;
  const { project_name: project, user } = plan;
  if (isData(output))
    return printData(ctx.out, output, {
      project,
      user,
      requirements: asked(runSpec),
      offers,
      total_offers: total,
    });
  ctx.out.write(`${renderProperties(ctx.out, rowsOf(project, requirements))}\n`);
  const ignoresFleets = runSpec.configuration.fleets === null;
  const hint = () => ignoresFleets && printMessage(ctx.out, `${HINT}\n`);
  if (offers.length === 0) {
    const placement = mergeProfile(runSpec.profile, runSpec.configuration);
    printMessage(ctx.out, `${noOffersText(await listFleets(api), { requirements, placement })}\n`);
    return;
  }
  if (total < FEW) hint();
  ctx.out.write(`${renderOffers(ctx.out, { offers, total, maxPrice: job?.max_price ?? null })}\n`);
  if (total >= FEW) hint();
};

const showGroups = async (
  ctx: Context,
  { api, runSpec, output, ...wish }: Wish,
  grouping: Grouping,
): Promise<void> => {
  const gpus = await listGpus(api, {
    run_spec: runSpec,
    group_by: grouping.filter((group) => group !== "gpu"),
    full_offers: wish.fullOffers,
    unallocated_resources: wish.unallocated,
  });
  const { project } = api.connection;
  const requirements = requirementsOf(runSpec);
  if (isData(output))
    return printData(ctx.out, output, { project, requirements: asked(runSpec), group_by: grouping, gpus });
  const rows = rowsOf(project, requirements);
  rows.push(["Reservation", requirements.reservation ?? "-"], ["Group by", grouping.join(", ")]);
  ctx.out.write(`${renderProperties(ctx.out, rows)}\n`);
  if (gpus.length > 0) ctx.out.write(`${renderGpus(ctx.out, gpus, grouping)}\n`);
  else printMessage(ctx.out, "No matching instance offers available.\n");
};

/** As asked for: without a spot option nothing is said about spot (docs/spec/cli.md §8). */
const asked = ({ configuration: { resources, max_price, spot_policy: policy, reservation } }: RunSpec) => ({
  resources,
  max_price,
  spot: policy === null ? null : wantsSpot(policy),
  reservation,
});

const requirementsOf = ({ configuration, profile }: RunSpec): Requirements =>
  getRequirements(configuration, profile);

const rowsOf = (
  project: string,
  { resources, spot, max_price: maxPrice }: Requirements,
): [string, string][] => [
  ["Project", project],
  ["Resources", formatRequirements(resources)],
  ["Spot policy", spotPolicyOf(spot)],
  ["Max price", maxPriceOf(maxPrice)],
];
