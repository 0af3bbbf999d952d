import type { GatewayConfiguration } from "./gateway.ts";
import type { Note } from "./problems.ts";
import type { ServiceConfiguration } from "./service.ts";

/** What a project's gateway is, as far as services ask. */
export interface GatewayState {
  status: string;
  domain: string | null;
  certificate: GatewayConfiguration["certificate"];
}

const withoutGateway = ({ https, rate_limits, replicas }: ServiceConfiguration, note: Note) => {
  const groups = Array.isArray(replicas) ? replicas.map(({ count }) => count) : replicas ? [replicas] : [];
  const why = "is done by a gateway: the service has none";
  if (https === false) note("unsupported", ["https"], `https: false ${why}`);
  if (rate_limits.length > 0) note("unsupported", ["rate_limits"], `Limiting rates ${why}`);
  if (groups.some(({ min, max }) => min !== max)) note("unsupported", ["replicas"], `Scaling ${why}`);
};

/**
 * Whether a service can be run behind the gateway that its `gateway` names; `undefined`: there is none
 * (docs/spec/configuration.md §4.3, checks at submission).
 */
export const checkGatewayUse = (
  service: ServiceConfiguration,
  gateway: GatewayState | undefined,
  note: Note,
) => {
  const { gateway: wanted, https } = service;
  if (wanted === false || (wanted === null && !gateway)) return withoutGateway(service, note);
  const path = ["gateway"];
  if (!gateway) {
    if (typeof wanted === "object" && wanted) return note("not_found", path, `No gateway ${wanted.name}`);
    return note("missing", path, "The project has no default gateway");
  }
  if (gateway.status !== "running") return note("unsupported", path, `The gateway is ${gateway.status}`);
  if (gateway.domain === null) return note("missing", path, "The gateway has no domain yet");
  if (https === false && gateway.certificate?.type === "acm") {
    note("unsupported", ["https"], "A gateway with a certificate of type acm serves HTTPS alone");
  }
  if ((https === null || https === true) && !gateway.certificate) {
    note("unsupported", ["https"], "The gateway has no certificate: give https: false or auto");
  }
};
