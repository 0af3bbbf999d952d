import type { InstanceOfferWithAvailability } from "../../../shared/resources/offered.ts";
import type { CapacityEntry } from "../instances/capacityEntry.ts";
import { offerOf } from "../instances/provisioningData.ts";
import { canBegin, findCandidates, type WantedInstance } from "./candidates.ts";

export interface Offers {
  /** Those that can be had now first. */
  offers: InstanceOfferWithAvailability[];
  /** Why there are none, for people; empty when there are some. */
  whyNone: string;
}

/** What the hosts could give to a job. */
export const listOffers = (entries: readonly CapacityEntry[], wanted: WantedInstance): Offers => {
  const { fitting, whyNone } = findCandidates(entries, wanted);
  const offers = fitting.map((candidate) =>
    offerOf(candidate.entry.instance, canBegin(candidate) ? "idle" : "busy", candidate),
  );
  return { offers, whyNone };
};
