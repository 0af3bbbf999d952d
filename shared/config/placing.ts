import type { Placement } from "./profile.ts";

/** Where an offer is from. */
export interface Place {
  backend: string;
  region: string;
  instance_type: string;
  /** Null: the place has no zones, so a choice of zones does not concern it. */
  availability_zones: readonly string[] | null;
}

const includes = (list: readonly string[], value: string) =>
  list.some((item) => item.toLowerCase() === value.toLowerCase());

const chosen = (name: string, list: readonly string[] | null, values: readonly string[]) =>
  !list || values.some((value) => includes(list, value))
    ? undefined
    : `only ${name} ${list.join(", ") || "of an empty list"} may be used, this is ${values.join(", ") || "none of them"}`;

/**
 * Why a run may not be placed there, in words for people; undefined when it may (docs/spec/configuration.md §3). Names
 * are compared in any case. Fleets and instances that a run names are the caller's to compare.
 */
export const whyNotThere = (
  placement: Pick<Placement, "backends" | "regions" | "instance_types" | "availability_zones">,
  { backend, region, instance_type, availability_zones }: Place,
): string | undefined =>
  chosen("backends", placement.backends, [backend]) ??
  chosen("regions", placement.regions, [region]) ??
  chosen("instance types", placement.instance_types, [instance_type]) ??
  (availability_zones
    ? chosen("availability zones", placement.availability_zones, availability_zones)
    : undefined);
