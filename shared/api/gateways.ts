import { z } from "zod";
import { GatewayConfiguration } from "../config/gateway.ts";
import { orNull } from "../schema/field.ts";
import { isMapping } from "../schema/scalar.ts";
import { GATEWAY_STATUSES } from "../states.ts";
import { listed, Uuid, WireTime } from "./scalars.ts";

// Gateways (docs/spec/http-api.md §2.10, §3.8).

const GatewayReplica = z.object({
  hostname: orNull(z.string()),
  replica_num: z.number().int(),
  backend: orNull(z.string()),
  region: orNull(z.string()),
  created_at: WireTime,
  status: z.enum(["submitted", "provisioning", "running", "terminating", "terminated"]),
  status_message: orNull(z.string()),
});

/** `configuration.default` is what `default` is. The last four are for clients before 0.20.25. */
export const Gateway = z.object({
  id: Uuid,
  name: z.string(),
  project_name: z.string(),
  configuration: GatewayConfiguration,
  created_at: WireTime,
  status: z.enum(GATEWAY_STATUSES),
  status_message: orNull(z.string()),
  hostname: orNull(z.string()),
  wildcard_domain: orNull(z.string()),
  default: z.boolean(),
  replicas: z.array(GatewayReplica).default([]),
  backend: orNull(z.string()),
  region: orNull(z.string()),
  ip_address: orNull(z.string()),
  instance_id: orNull(z.string()),
});
export type Gateway = z.infer<typeof Gateway>;

/** Clients of 0.20 also send a `router`, which is null. */
const SentConfiguration = z.preprocess((sent: unknown) => {
  if (!isMapping(sent) || sent["router"] !== null) return sent;
  const { router: _none, ...rest } = sent;
  return rest;
}, GatewayConfiguration);

const GatewaySpec = z.object({
  configuration: SentConfiguration,
  configuration_path: orNull(z.string()),
});
export type GatewaySpec = z.infer<typeof GatewaySpec>;

export const GatewayPlan = z.object({
  project_name: z.string(),
  user: z.string(),
  spec: GatewaySpec,
  effective_spec: GatewaySpec,
  current_resource: orNull(Gateway),
  action: z.enum(["create", "update"]),
});
export type GatewayPlan = z.infer<typeof GatewayPlan>;

export const ListGatewaysRequest = z.object({ include_imported: z.boolean().default(false) });
export const GetGatewayRequest = z.object({ name: z.string() });
export const GetGatewayPlanRequest = z.object({ spec: GatewaySpec });
/** Clients leave out of the gateway what they do not know. */
export const ApplyGatewayPlanRequest = z.object({
  plan: z.object({
    spec: GatewaySpec,
    current_resource: orNull(z.object({ id: Uuid, configuration: SentConfiguration })),
  }),
  force: z.boolean(),
});
export type ApplyGatewayPlanRequest = z.infer<typeof ApplyGatewayPlanRequest>;
export const CreateGatewayRequest = z.object({ configuration: SentConfiguration });
export const DeleteGatewaysRequest = z.object({ names: listed(z.string()) });
/** `gateway_project`: whose it is, where that is another project that shares it. */
export const SetDefaultGatewayRequest = z.object({
  name: z.string(),
  gateway_project: orNull(z.string()),
});
export const SetWildcardDomainRequest = z.object({ name: z.string(), wildcard_domain: z.string() });
