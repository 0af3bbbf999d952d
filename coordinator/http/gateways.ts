import { z } from "zod";
import {
  ApplyGatewayPlanRequest,
  CreateGatewayRequest,
  DeleteGatewaysRequest,
  Gateway,
  GatewayPlan,
  GetGatewayPlanRequest,
  GetGatewayRequest,
  ListGatewaysRequest,
  SetDefaultGatewayRequest,
  SetWildcardDomainRequest,
} from "../../shared/api/gateways.ts";
import type { GatewayConfiguration } from "../../shared/config/gateway.ts";
import { AppError } from "../../shared/errors.ts";
import { applyGateway, createGateway, planGateway } from "../domain/gateways/applyGateway.ts";
import { listProjectGateways, viewOneGateway } from "../domain/gateways/findGateways.ts";
import { deleteGateways, makeDefault, setWildcardDomain } from "../domain/gateways/manageGateways.ts";
import { findGatewayByName } from "../store/gateways.ts";
import { requireShared } from "./access.ts";
import { type ClientVersion, isBefore } from "./clientVersion.ts";
import { NOTHING, projectRoute, type Route } from "./route.ts";

/** As the client reads it (docs/spec/http-api.md §1.3, docs/spec/changes-0.22.md §1.2). */
const gatewayFor = (client: ClientVersion, gateway: Gateway): Gateway => {
  const { certificate } = gateway.configuration;
  // It knows no such certificate: none is the nearest to the truth that it can read.
  const isUnknown = certificate?.type === "gcp-cm" && isBefore(client, [0, 22, 1]);
  const readable = isUnknown
    ? { ...gateway, configuration: { ...gateway.configuration, certificate: null } }
    : gateway;
  if (!isBefore(client, [0, 20, 25])) return readable;
  const ip_address = gateway.replicas.flatMap(({ hostname }) => hostname ?? []).join("\n");
  return { ...readable, instance_id: "", ip_address, hostname: gateway.hostname ?? ip_address };
};

/** Before 0.21.1 `false` is what a client says that has not been told. */
const configurationOf = (client: ClientVersion, sent: GatewayConfiguration): GatewayConfiguration => {
  if (sent.default !== false || !isBefore(client, [0, 21, 1])) return sent;
  const { default: _unset, ...rest } = sent;
  return rest;
};

export const gatewayRoutes: Route[] = [
  projectRoute({
    path: "/api/project/:project/gateways/list",
    summary: "Gateways of the project",
    tag: "gateways",
    access: "member+public",
    body: ListGatewaysRequest,
    answer: z.array(Gateway),
    handle: async ({ c, deps, project, body }) => {
      const all = await listProjectGateways(deps, project, { withImported: body.include_imported });
      return all.map((gateway) => gatewayFor(c.get("clientVersion"), gateway));
    },
  }),
  projectRoute({
    path: "/api/project/:project/gateways/get",
    summary: "A gateway by its name",
    tag: "gateways",
    access: "member+public+importer",
    body: GetGatewayRequest,
    answer: Gateway,
    handle: async ({ c, deps, user, role, project, body }) => {
      const row = await findGatewayByName(deps.db, project.id, body.name);
      if (!project.is_public) await requireShared(deps, { user, role }, { kind: "gateway", id: row?.id });
      if (!row) throw new AppError("not_found", "Resource not found");
      return gatewayFor(c.get("clientVersion"), await viewOneGateway(deps, project, row));
    },
  }),
  projectRoute({
    path: "/api/project/:project/gateways/get_plan",
    summary: "What applying a gateway would do",
    tag: "gateways",
    access: "padmin",
    body: GetGatewayPlanRequest,
    answer: GatewayPlan,
    handle: async ({ c, deps, user, project, body: { spec } }) => {
      const client = c.get("clientVersion");
      const configuration = configurationOf(client, spec.configuration);
      const plan = await planGateway(deps, { user, project }, { ...spec, configuration });
      const current = plan.current_resource;
      return { ...plan, spec, current_resource: current && gatewayFor(client, current) };
    },
  }),
  projectRoute({
    path: "/api/project/:project/gateways/apply",
    summary: "Make a gateway, or change one in place",
    tag: "gateways",
    access: "padmin",
    body: ApplyGatewayPlanRequest,
    answer: Gateway,
    handle: async ({ c, deps, user, project, body: { plan, force } }) => {
      const client = c.get("clientVersion");
      const configuration = configurationOf(client, plan.spec.configuration);
      const wanted = { plan: { ...plan, spec: { ...plan.spec, configuration } }, force };
      return gatewayFor(client, await applyGateway(deps, { user, project }, wanted));
    },
  }),
  projectRoute({
    path: "/api/project/:project/gateways/create",
    summary: "Make a gateway",
    tag: "gateways",
    access: "padmin",
    body: CreateGatewayRequest,
    answer: Gateway,
    handle: async ({ c, deps, user, project, body }) => {
      const client = c.get("clientVersion");
      const wanted = configurationOf(client, body.configuration);
      return gatewayFor(client, await createGateway(deps, { user, project }, wanted));
    },
  }),
  projectRoute({
    path: "/api/project/:project/gateways/delete",
    summary: "Delete gateways",
    tag: "gateways",
    access: "padmin",
    body: DeleteGatewaysRequest,
    answer: NOTHING,
    handle: ({ deps, user, project, body }) => deleteGateways(deps, { user, project }, body.names),
  }),
  projectRoute({
    path: "/api/project/:project/gateways/set_default",
    summary: "Choose the gateway of services that name none",
    tag: "gateways",
    access: "padmin",
    body: SetDefaultGatewayRequest,
    answer: NOTHING,
    handle: ({ deps, user, project, body }) =>
      makeDefault(deps, { user, project }, { name: body.name, gatewayProject: body.gateway_project }),
  }),
  projectRoute({
    path: "/api/project/:project/gateways/set_wildcard_domain",
    summary: "Set the domain below which services are published",
    tag: "gateways",
    access: "padmin",
    body: SetWildcardDomainRequest,
    answer: Gateway,
    handle: async ({ c, deps, user, project, body }) => {
      const wanted = { name: body.name, domain: body.wildcard_domain };
      return gatewayFor(c.get("clientVersion"), await setWildcardDomain(deps, { user, project }, wanted));
    },
  }),
];
