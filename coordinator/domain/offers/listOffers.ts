import type { InstanceOfferWithAvailability } from "../../../shared/resources/offered.ts";
import type { CapacityEntry } from "../instances/capacityEntry.ts";
import { offerOf } from "../instances/provisioningData.ts";
import { type Candidate, canBegin, findCandidates, kindOf, type WantedInstance } from "./candidates.ts";

export interface Offers {
  /** Those that can be had now first; no more than were asked for. */
  offers: InstanceOfferWithAvailability[];
  /** How many there are. */
  total: number;
  maxPrice: number | null;
  /** Why there are none, for people; empty when there are some. */
  whyNone: string;
}

/** What the hosts could give to a job. */
export const listOffers = (
  entries: readonly CapacityEntry[],
  wanted: WantedInstance,
  limit = Number.POSITIVE_INFINITY,
): Offers => {
  const { fitting, whyNone } = findCandidates(entries, wanted);
  // Hosts of one kind have one price, and there may be many thousands of them.
  const kinds = new Map(fitting.map((candidate) => [kindOf(candidate.entry.instance), candidate]));
  const prices = [...kinds.values()].map((candidate) => toOffer(candidate).price);
  return {
    offers: fitting.slice(0, limit).map(toOffer),
    total: fitting.length,
    maxPrice: prices.length === 0 ? null : Math.max(...prices),
    whyNone,
  };
};

const toOffer = (candidate: Candidate): InstanceOfferWithAvailability =>
  offerOf(candidate.entry.instance, canBegin(candidate) ? "idle" : "busy", candidate);
