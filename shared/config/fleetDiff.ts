import type { FleetSpec } from "../api/fleets.ts";
import { type Difference, differing } from "./difference.ts";

/** What a fleet of instances that are made can take up as it is (docs/spec/configuration.md §10). */
const IN_PLACE: ReadonlySet<string> = new Set([
  "nodes",
  "reservation",
  "tags",
  "resources",
  "backends",
  "regions",
  "availability_zones",
  "instance_types",
  "spot_policy",
  "max_price",
]);

/** What differs between the fleet there is and the one asked for, and what each change takes. */
export const diffFleets = (before: FleetSpec, after: FleetSpec): Difference[] => {
  const isMade = before.configuration.nodes !== null && after.configuration.nodes !== null;
  const configuration = differing(before.configuration, after.configuration)
    // Given or made up, it is the same.
    .filter((property) => property !== "name")
    .map((property): Difference => {
      const effect = isMade && IN_PLACE.has(property) ? "none" : "restart";
      return { field: "configuration", property, effect };
    });
  const profile = differing(before.profile, after.profile).map(
    (property): Difference => ({ field: "profile", property, effect: "restart" }),
  );
  const path: Difference[] =
    before.configuration_path === after.configuration_path
      ? []
      : [{ field: "configuration_path", effect: "none" }];
  return [...path, ...configuration, ...profile];
};
