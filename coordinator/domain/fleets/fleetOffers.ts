import type { FleetSpec } from "../../../shared/api/fleets.ts";
import { whyNotThere } from "../../../shared/config/placing.ts";
import { mergeProfile } from "../../../shared/config/profile.ts";
import { getFleetRequirements } from "../../../shared/config/requirements.ts";
import { countBlocks } from "../../../shared/resources/blocks.ts";
import { whyNot } from "../../../shared/resources/matching.ts";
import type { InstanceOfferWithAvailability } from "../../../shared/resources/offered.ts";
import type { Requirements } from "../../../shared/resources/requirements.ts";
import type { MadeOffer } from "../../store/madeInstance.ts";

/** A fleet that is unset about it keeps instances for three days (docs/spec/lifecycle.md §2.4). */
const IDLE_DURATION_S = 3 * 86_400;

/** Negative: for ever. */
export const fleetIdleDurationS = (spec: FleetSpec): number =>
  mergeProfile(spec.profile, spec.configuration).idle_duration ?? IDLE_DURATION_S;

/** Why such an instance is not what the fleet asks for, in words for people; undefined: it is. */
export const whyNotInFleet = (offer: MadeOffer, spec: FleetSpec): string | undefined => {
  const { configuration } = spec;
  const placement = mergeProfile(spec.profile, configuration);
  const { resources } = offer.instance_type;
  return (
    whyNotThere(placement, placeOfOffer(offer)) ??
    whyNot(fleetRequirements(spec), resources, offer.price) ??
    (countBlocks(resources, configuration.blocks) === undefined
      ? `cannot be split into ${configuration.blocks} blocks`
      : undefined)
  );
};

/** What the fleet could be made of, the cheapest first. */
export const offersForFleet = (offers: readonly MadeOffer[], spec: FleetSpec): MadeOffer[] =>
  offers.filter((offer) => whyNotInFleet(offer, spec) === undefined).sort((a, b) => a.price - b.price);

const fleetRequirements = (spec: FleetSpec): Requirements => {
  const merged = mergeProfile(spec.profile, spec.configuration);
  const { spot_policy, max_price, reservation, backend_options } = merged;
  return getFleetRequirements({
    ...spec.configuration,
    spot_policy,
    max_price,
    reservation,
    backend_options,
  });
};

export const placeOfOffer = ({ backend, region, availability_zone: zone, instance_type }: MadeOffer) => ({
  backend,
  region,
  instance_type: instance_type.name,
  availability_zones: zone === null ? null : [zone],
});

/** What an instance could be made as, in the words of the wire. */
export const offerOfBackend = (offer: MadeOffer): InstanceOfferWithAvailability => ({
  backend: offer.backend,
  instance: offer.instance_type,
  region: offer.region,
  price: offer.price,
  backend_data: {},
  availability: "available",
  availability_zones: offer.availability_zone === null ? null : [offer.availability_zone],
  instance_runtime: "shim",
  blocks: 1,
  total_blocks: 1,
});
