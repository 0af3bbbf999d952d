import type { InstanceOfferWithAvailability } from "../../../shared/resources/offered.ts";
import type { CapacityEntry } from "../instances/capacityEntry.ts";
import { usedBlocks } from "../instances/occupancy.ts";
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

/** How much of a host an offer shows. */
interface Shown {
  /** All of it, not only as many blocks as the job would take. */
  isFull: boolean;
  /** Without what is in use; a host that has no room then is left out. */
  isUnallocated: boolean;
}

interface OfferOptions {
  limit?: number;
  shown?: Shown;
}

/** What the hosts could give to a job. */
export const listOffers = (
  entries: readonly CapacityEntry[],
  wanted: WantedInstance,
  { limit = Number.POSITIVE_INFINITY, shown }: OfferOptions = {},
): Offers => {
  const found = findCandidates(entries, wanted);
  const fitting = shown ? found.fitting.flatMap((candidate) => showing(candidate, shown)) : found.fitting;
  // Hosts of one kind have one price, and there may be many thousands of them.
  const kinds = new Map(fitting.map((candidate) => [kindOf(candidate.entry.instance), candidate]));
  const prices = [...kinds.values()].map((candidate) => toOffer(candidate).price);
  return {
    offers: fitting.slice(0, limit).map(toOffer),
    total: fitting.length,
    maxPrice: prices.length === 0 ? null : Math.max(...prices),
    whyNone: found.whyNone,
  };
};

const showing = (candidate: Candidate, { isFull, isUnallocated }: Shown): Candidate[] => {
  const { entry, blocks, total } = candidate;
  const room = total - (isUnallocated ? usedBlocks(entry) : 0);
  if (room < blocks) return [];
  return isFull ? [{ ...candidate, blocks: room }] : [candidate];
};

const toOffer = (candidate: Candidate): InstanceOfferWithAvailability =>
  offerOf(candidate.entry.instance, canBegin(candidate) ? "idle" : "busy", candidate);
