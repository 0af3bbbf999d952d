import type { Fleet, Instance } from "../../shared/api/fleets.ts";
import { whyNotThere } from "../../shared/config/placing.ts";
import type { Placement } from "../../shared/config/profile.ts";
import { whyNot } from "../../shared/resources/matching.ts";
import type { Requirements } from "../../shared/resources/requirements.ts";

interface Wanted {
  readonly requirements: Requirements;
  readonly placement: Placement;
}

/** How many hosts are named with their reason; of the rest there is the number. */
const NAMED = 5;

const NONE = "No matching instance offers available.";

/**
 * Says that nothing fits, and why not: for each host what it lacks. The first words are those that scripts look for
 * (docs/spec/cli.md §7.2).
 */
export const noOffersText = (fleets: readonly Fleet[], wanted: Wanted): string => {
  if (fleets.length === 0) {
    return [
      "The project has no fleets. Create one before submitting a run.",
      "A host joins one with the line that `dstack fleet token create NAME` prints.",
    ].join("\n");
  }
  const hosts = fleets.flatMap((fleet) => fleet.instances.map((instance) => ({ fleet, instance })));
  if (hosts.length === 0) {
    return `${NONE} No host has joined the fleets ${fleets.map((fleet) => fleet.name).join(", ")} yet.`;
  }
  const reasons = hosts.map(
    ({ fleet, instance }) => `- ${instance.name}: ${whyNotHere(fleet, instance, wanted)}`,
  );
  const more = reasons.length > NAMED ? [`- … and ${reasons.length - NAMED} more`] : [];
  return [`${NONE} Possible reasons:`, ...reasons.slice(0, NAMED), ...more].join("\n");
};

const whyNotHere = (fleet: Fleet, instance: Instance, { requirements, placement }: Wanted): string => {
  const chosen = placement.fleets;
  if (
    chosen &&
    !chosen.some(
      (each) => each.name === fleet.name && (each.project ?? fleet.project_name) === fleet.project_name,
    )
  ) {
    return `is in the fleet ${fleet.name}, only ${chosen.map((each) => each.name).join(", ")} may be used`;
  }
  if (instance.status === "terminating" || instance.status === "terminated") return `is ${instance.status}`;
  const type = instance.instance_type;
  if (!type || instance.status === "pending" || instance.status === "provisioning") {
    return "is not ready yet";
  }
  const place = {
    backend: instance.backend ?? "",
    region: instance.region ?? "",
    instance_type: type.name,
    availability_zones: instance.availability_zone === null ? null : [instance.availability_zone],
  };
  return (
    whyNotThere(placement, place) ??
    whyNot(requirements, type.resources, instance.price ?? undefined) ??
    (instance.unreachable ? "cannot be reached" : (instance.closed ?? "the server does not offer it"))
  );
};
