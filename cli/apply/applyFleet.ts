import type { Fleet, FleetPlan } from "../../shared/api/fleets.ts";
import type { FleetConfiguration } from "../../shared/config/fleet.ts";
import { Profile } from "../../shared/config/profile.ts";
import { findProfile } from "../../shared/config/profiles.ts";
import { AppError } from "../../shared/errors.ts";
import type { Api } from "../api/client.ts";
import { applyFleetPlan, deleteFleet, findFleet, getFleetPlan, type SentFleetSpec } from "../api/fleets.ts";
import type { Source } from "../configuration/source.ts";
import type { Context } from "../context.ts";
import { startLive } from "../output/live.ts";
import { printMessage } from "../output/message.ts";
import { confirm, NoAnswer, printExiting } from "../output/prompt.ts";
import { hourAndMinute } from "../output/time.ts";
import { delayOn } from "../process/delayOn.ts";
import { Interrupted, interruptible } from "../process/interruptible.ts";
import { renderFleetOffers, renderFleetPlan } from "../views/fleetPlan.ts";
import { renderFleets } from "../views/fleets.ts";
import { completeFleet } from "./fleetKeys.ts";
import { type FleetProposal, proposeFleet } from "./fleetQuestion.ts";
import { printChanges } from "./printChanges.ts";
import { sudoPasswordFor } from "./sudoPassword.ts";

interface FleetWish {
  readonly yes: boolean;
  readonly force: boolean;
  readonly detach: boolean;
  readonly askSudoPassword: boolean;
  readonly keepSshKeys: boolean;
}

/** How often is looked how far the instances are, and whether a fleet is gone. */
const POLL_MS = 500;

const NO_OFFERS = "No matching instance offers available.";

/** Plans a fleet, asks, applies it and waits for its instances (docs/spec/cli.md §5.1). Returns the exit code. */
export const applyFleet = async (
  ctx: Context,
  api: Api,
  { configuration, source, wish }: { configuration: FleetConfiguration; source: Source; wish: FleetWish },
): Promise<number> => {
  const spec = await specOf(ctx, await completeFleet(ctx, configuration), source);
  const plan = await interruptible(ctx, async () => {
    using _ = startLive(ctx, "Getting apply plan...");
    return await getFleetPlan(api, spec);
  });
  printPlan(ctx, plan);
  const proposal = proposeFleet(plan);
  if (proposal.isUnchanged && wish.yes && !wish.force) {
    ctx.out.write("No configuration changes detected. Use --force to apply anyway.\n");
    return 0;
  }
  for (const line of proposal.finding) ctx.out.write(`${line}\n`);
  if (plan.current_resource && !proposal.isUnchanged)
    await printChanges(ctx, plan.current_resource.spec, plan.effective_spec ?? plan.spec);
  if (!wish.yes && !(await confirm(ctx, proposal.question))) {
    printExiting(ctx);
    return 0;
  }
  const sudoPassword = await sudoPasswordFor(ctx, wish);
  const { keepSshKeys } = wish;
  const fleet = await interruptible(ctx, () =>
    apply(ctx, api, { plan, proposal, opening: { sudoPassword, keepSshKeys } }),
  );
  if (wish.detach) {
    ctx.out.write("Fleet configuration submitted. Exiting...\n");
    return 0;
  }
  try {
    return tell(
      ctx,
      api,
      await interruptible(ctx, (signal) => waitForInstances(ctx, api, { fleet, signal })),
    );
  } catch (err) {
    if (!(err instanceof Interrupted)) throw err;
    return leave(ctx, api, { fleet, yes: wish.yes });
  }
};

const specOf = async (
  { env, cwd, home }: Context,
  configuration: FleetConfiguration,
  source: Source,
): Promise<SentFleetSpec> => {
  // Fleets have the default profile only.
  const profile = await findProfile({ name: undefined, none: false, env, cwd, home });
  return {
    configuration,
    configuration_path: source.path,
    profile: profile ?? Profile.parse({ name: "default" }),
  };
};

const printPlan = (ctx: Context, plan: FleetPlan): void => {
  ctx.out.write(`${renderFleetPlan(ctx.out, plan)}\n`);
  if (plan.spec.configuration.ssh_config) return;
  if (plan.offers.length > 0) ctx.out.write(`${renderFleetOffers(ctx.out, plan)}\n`);
  else printMessage(ctx.out, `${NO_OFFERS}${plan.no_offers_reason ? ` ${plan.no_offers_reason}` : ""}\n`);
};

const apply = async (
  ctx: Context,
  api: Api,
  {
    plan,
    proposal,
    opening,
  }: {
    plan: FleetPlan;
    proposal: FleetProposal;
    opening: { sudoPassword: string | undefined; keepSshKeys: boolean };
  },
): Promise<Fleet> => {
  const { current_resource: current } = plan;
  if (proposal.action === "recreate" && current) {
    using _ = startLive(ctx, "Deleting the fleet...");
    await deleteFleet(api, current.name);
    while (await findFleet(api, { name: current.name })) await delayOn(ctx.clock, POLL_MS);
  }
  using _ = startLive(ctx, "Applying plan...");
  return await applyFleetPlan(api, plan.spec, { current, ...opening });
};

const isComing = ({ status }: Fleet["instances"][number]): boolean =>
  status === "pending" || status === "provisioning" || status === "terminating";

const waitForInstances = async (
  ctx: Context,
  api: Api,
  { fleet, signal }: { fleet: Fleet; signal: AbortSignal },
): Promise<Fleet> => {
  let latest = fleet;
  using live = startLive(ctx, `Provisioning ${fleet.name}...`);
  while (latest.instances.some(isComing) && !signal.aborted) {
    live.show(`Provisioning ${fleet.name}...`, tableOf(ctx, api, latest, { hasSteps: true }));
    await delayOn(ctx.clock, POLL_MS);
    const found = await findFleet(api, { id: fleet.id });
    if (!found) throw new AppError("not_found", `Fleet ${fleet.name} was deleted meanwhile`);
    latest = found;
  }
  return latest;
};

const tableOf = (
  ctx: Context,
  api: Api,
  fleet: Fleet,
  { isVerbose = false, hasSteps = false }: { isVerbose?: boolean; hasSteps?: boolean },
): string =>
  renderFleets(ctx.out, [fleet], {
    isVerbose,
    hasSteps,
    project: api.connection.project,
    time: hourAndMinute,
  });

/** What has come of it. Hosts that are to join by themselves are nobody's failure. */
const tell = (ctx: Context, api: Api, fleet: Fleet): number => {
  const { nodes } = fleet.spec.configuration;
  const isWaited = fleet.status_message === null;
  const isMissing = isWaited && fleet.instances.length < (nodes?.min ?? 0);
  const hasFailed = isMissing || fleet.instances.some(({ status }) => status === "terminated");
  ctx.out.write(tableOf(ctx, api, fleet, { isVerbose: hasFailed }));
  for (const line of remarksOn(fleet)) ctx.out.write(`\n${line}\n`);
  if (fleet.status_message !== null) ctx.out.write(`\n${fleet.status_message}\n`);
  if (!hasFailed) return 0;
  ctx.out.write(
    isMissing
      ? "\nSome instances failed. Provisioning will be retried in the background.\n"
      : "\nSome instances failed. Check the table above for errors.\n",
  );
  return 1;
};

/** What somebody may not have meant. */
const remarksOn = ({ instances }: Fleet): string[] => {
  const carried = instances.filter(({ status, ssh }) => status !== "terminated" && ssh?.carried);
  const there = (some: Fleet["instances"]) => some.map(({ hostname }) => hostname).join(", ");
  const byLogin =
    carried.length === 0
      ? []
      : [
          `Cannot reach the server by themselves, so that it keeps their key, encrypted, and holds an SSH login for each: ${there(carried)}`,
        ];
  const forUser = instances.filter(({ status, ssh }) => status !== "terminated" && ssh?.rights === "user");
  if (forUser.length === 0) return byLogin;
  return [
    ...byLogin,
    `Installed for the user alone, who may not use sudo there without a password: ${there(forUser)}. With --ask-sudo-password it is a service of the host.`,
  ];
};

/** After Ctrl-C: leaves the fleet to the server, or deletes it first if that is wanted. */
const leave = async (
  ctx: Context,
  api: Api,
  { fleet, yes }: { fleet: Fleet; yes: boolean },
): Promise<number> => {
  ctx.out.write("\n");
  if (!yes && (await wantsDeletion(ctx))) {
    await deleteFleet(api, fleet.name);
    ctx.out.write(`Fleet ${fleet.name} deleted\n`);
    return 0;
  }
  ctx.out.write("Exiting... Fleet provisioning will continue in the background.\n");
  return 0;
};

const wantsDeletion = async (ctx: Context): Promise<boolean> => {
  try {
    return await confirm(ctx, "Delete the fleet before exiting?");
  } catch (err) {
    // Nobody there to answer: it stays.
    if (err instanceof NoAnswer) return false;
    throw err;
  }
};
