import type { Requirements } from "../resources/requirements.ts";
import { defaultResources, type ResourcesSpec } from "../resources/spec.ts";
import type { RunConfiguration } from "./configuration.ts";
import { withServerDefaults } from "./effective.ts";
import type { FleetConfiguration } from "./fleet.ts";
import { mergeProfile, type Placement, type Profile } from "./profile.ts";

/** `null`: either will do. On-demand is the default of every type. */
export const wantsSpot = (policy: Placement["spot_policy"]): boolean | null =>
  policy === "auto" ? null : policy === "spot";

export const requirementsOf = (
  resources: ResourcesSpec,
  placement: Pick<Placement, "max_price" | "spot_policy" | "reservation" | "backend_options">,
  multinode: boolean | null,
): Requirements => ({
  resources,
  max_price: placement.max_price,
  spot: wantsSpot(placement.spot_policy),
  reservation: placement.reservation,
  multinode,
  backend_options: placement.backend_options,
});

/** What a run (its first group, if it has groups) needs of an instance. For each of its jobs: `getJobSpecs`. */
export const getRequirements = (configuration: RunConfiguration, profile: Profile | null): Requirements => {
  const effective = withServerDefaults(configuration);
  const placement = mergeProfile(profile, effective);
  return requirementsOf(effective.resources, placement, isMultinode(effective));
};

const isMultinode = (configuration: RunConfiguration): boolean => {
  if (configuration.type !== "task") return false;
  const { groups, nodes } = configuration;
  return (groups ? groups.reduce((sum, group) => sum + group.nodes, 0) : (nodes ?? 1)) > 1;
};

/** What a fleet without `resources` asks of its instances: nothing. */
const unconstrained = (): ResourcesSpec => ({
  ...defaultResources(),
  cpu: { arch: null, count: { min: 1, max: null } },
  memory: { min: 0, max: null },
  disk: null,
});

/** What a cloud fleet needs of its instances. */
export const getFleetRequirements = (fleet: FleetConfiguration): Requirements =>
  requirementsOf(fleet.resources ?? unconstrained(), fleet, fleet.placement === "cluster");
