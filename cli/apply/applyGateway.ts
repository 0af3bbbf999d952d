import type { Gateway, GatewayPlan } from "../../shared/api/gateways.ts";
import { describeChanges } from "../../shared/config/diff.ts";
import { differing } from "../../shared/config/difference.ts";
import type { GatewayConfiguration } from "../../shared/config/gateway.ts";
import type { Api } from "../api/client.ts";
import { applyGatewayPlan, deleteGateway, findGateway, getGatewayPlan } from "../api/gateways.ts";
import type { Source } from "../configuration/source.ts";
import type { Context } from "../context.ts";
import { startLive } from "../output/live.ts";
import { renderProperties } from "../output/table.ts";
import { hourAndMinute } from "../output/time.ts";
import { interruptible } from "../process/interruptible.ts";
import { renderGateways } from "../views/gateways.ts";
import { applyMade, type MadeKind, type MadeProposal, type MadeWish } from "./made.ts";

interface Wanted {
  readonly configuration: GatewayConfiguration;
  readonly source: Source;
  readonly wish: MadeWish;
}

/** Plans a gateway, asks, makes or changes it and waits for it (docs/spec/cli.md §5.3). Returns the exit code. */
export const applyGateway = async (
  ctx: Context,
  api: Api,
  { configuration, source, wish }: Wanted,
): Promise<number> => {
  const plan = await interruptible(ctx, async () => {
    using _ = startLive(ctx, "Getting apply plan...");
    return await getGatewayPlan(api, { configuration, configuration_path: source.path });
  });
  ctx.out.write(`${renderProperties(ctx.out, planRows(plan))}\n`);
  return applyMade(ctx, {
    kind: gatewaysOf(ctx, api),
    proposal: propose(plan),
    current: plan.current_resource ?? undefined,
    configuration: (plan.effective_spec ?? plan.spec).configuration,
    make: () => applyGatewayPlan(api, plan.spec, plan.current_resource),
    wish,
  });
};

const planRows = (plan: GatewayPlan): [string, string][] => {
  const { configuration, configuration_path: path } = plan.effective_spec ?? plan.spec;
  const { backend, region, domain, replicas } = configuration;
  return [
    ["Project", plan.project_name],
    ["User", plan.user],
    ["Configuration", path ?? "-"],
    ["Type", configuration.type],
    ["Backend", backend],
    ["Region", region],
    ["Domain", domain ?? "-"],
    ...(replicas ? [["Replicas", String(replicas)] satisfies [string, string]] : []),
  ];
};

const propose = (plan: GatewayPlan): MadeProposal => {
  const { current_resource: current } = plan;
  const { configuration: wanted } = plan.effective_spec ?? plan.spec;
  if (!current) {
    const finding = wanted.name === null ? [] : [`Gateway ${wanted.name} does not exist yet.`];
    return { finding, question: "Create the gateway?", action: "create", isUnchanged: false };
  }
  // Given or made up, the name is the same; a default that is not asked for stays what it is.
  const changed = differing(current.configuration, wanted).filter(
    (property) => property !== "name" && (property !== "default" || wanted.default !== undefined),
  );
  if (changed.length === 0) {
    const finding = [`Found gateway ${current.name}. No configuration changes detected.`];
    return { finding, question: "Re-create the gateway?", action: "recreate", isUnchanged: true };
  }
  const isUpdate = plan.action === "update";
  const can = isUpdate ? "can" : "cannot";
  const changes = describeChanges(
    changed.map((property) => ({ field: "configuration", property, effect: "none" as const })),
  );
  return {
    finding: [
      `Found gateway ${current.name}. Detected changes that ${can} be updated in-place:`,
      ...changes,
      "",
    ],
    question: isUpdate ? "Update the gateway?" : "Re-create the gateway?",
    action: isUpdate ? "update" : "recreate",
    isUnchanged: false,
  };
};

const gatewaysOf = (ctx: Context, api: Api): MadeKind<Gateway> => ({
  noun: "gateway",
  find: (name) => findGateway(api, name),
  remove: (name) => deleteGateway(api, name),
  isSettled: ({ status }) => status === "running" || status === "failed",
  failureOf: ({ status, status_message }) =>
    status === "failed" ? (status_message ?? "unknown") : undefined,
  table: (gateway) =>
    renderGateways(ctx.out, [gateway], {
      isVerbose: gateway.status === "failed",
      project: api.connection.project,
      showsTime: true,
      time: hourAndMinute,
    }),
});
