import { type Difference, differing } from "./difference.ts";
import type { GatewayConfiguration } from "./gateway.ts";

/** What a gateway can take up as it is (docs/spec/configuration.md §10). */
const IN_PLACE: ReadonlySet<string> = new Set(["domain", "default", "replicas"]);

const SIZE = 1;

/** As the server understands it: `default` left out means that it stays as it is. */
const meant = ({ default: isDefault, replicas, ...rest }: GatewayConfiguration, otherwise: boolean) => ({
  ...rest,
  replicas: replicas ?? SIZE,
  default: isDefault ?? otherwise,
});

/** What differs between the gateway there is and the one asked for, and what each change takes. */
export const diffGateways = (before: GatewayConfiguration, after: GatewayConfiguration): Difference[] => {
  const wasDefault = before.default ?? false;
  return differing(meant(before, wasDefault), meant(after, wasDefault))
    .filter((property) => property !== "name")
    .map((property) => ({
      field: "configuration",
      property,
      effect: IN_PLACE.has(property) ? "none" : "restart",
    }));
};
