import { type Difference, differing } from "./difference.ts";
import type { GatewayConfiguration } from "./gateway.ts";
import type { VolumeConfiguration } from "./volume.ts";

const GATEWAY: ReadonlySet<string> = new Set(["domain", "default", "replicas"]);

const change = (property: string, isInPlace: boolean): Difference => ({
  field: "configuration",
  property,
  effect: isInPlace ? "none" : "restart",
});

/** An unset `default` leaves it as it is. */
export const diffGateways = (before: GatewayConfiguration, after: GatewayConfiguration): Difference[] =>
  differing(before, after)
    .filter((property) => property !== "default" || after.default !== undefined)
    .map((property) => change(property, GATEWAY.has(property)));

export const diffVolumes = (before: VolumeConfiguration, after: VolumeConfiguration): Difference[] =>
  differing(before, after).map((property) => change(property, false));
