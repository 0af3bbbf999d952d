import type { JobSpec } from "../../../shared/api/jobs.ts";
import type { RunSpec } from "../../../shared/api/runs.ts";
import type { InstanceOfferWithAvailability } from "../../../shared/resources/offered.ts";
import type { Deps } from "../../deps.ts";
import { offerOfBackend } from "../fleets/fleetOffers.ts";
import { listOffers, type Offers } from "./listOffers.ts";

/** What a client asks for, in the wire's words. */
interface Asked {
  full_offers: boolean;
  unallocated_resources: boolean;
}

interface Wanted {
  spec: RunSpec;
  jobSpec: JobSpec;
  /** Only the hardware is of interest. */
  ignoreRuntime: boolean;
  asked: Asked;
  /** The dearest first, among those that can be had. */
  isReversed: boolean;
  limit?: number;
}

/** What a job could get in a project: hosts that are there, then what could be made; nothing in use before what can be had. */
export const gatherOffers = async (
  deps: Deps,
  projectId: string,
  { spec, jobSpec, ignoreRuntime, asked, isReversed, limit = Number.POSITIVE_INFINITY }: Wanted,
): Promise<Offers> => {
  const { entries, viewer } = deps.engine.listUsable(projectId);
  const shown = { isFull: asked.full_offers, isUnallocated: asked.unallocated_resources };
  const there = listOffers(
    entries,
    { spec, jobSpec, ignoreRuntime, viewer },
    {
      // Where the order is another, the first are not known before all are.
      ...(isReversed ? {} : { limit }),
      ...(shown.isFull || shown.isUnallocated ? { shown } : {}),
    },
  );
  const made = await deps.fleets.listOffersFor(projectId, { spec, jobSpecs: [jobSpec], fleetId: null });
  const all = [...there.offers, ...made.map(offerOfBackend)];
  const prices = [...(there.maxPrice === null ? [] : [there.maxPrice]), ...made.map(({ price }) => price)];
  return {
    offers: inOrder(all, isReversed).slice(0, limit),
    total: there.total + made.length,
    maxPrice: prices.length === 0 ? null : Math.max(...prices),
    whyNone: made.length > 0 ? "" : there.whyNone,
  };
};

export const inOrder = (
  offers: readonly InstanceOfferWithAvailability[],
  isReversed: boolean,
): InstanceOfferWithAvailability[] => {
  const sorted = isReversed ? offers.toSorted((a, b) => b.price - a.price) : offers;
  return [...sorted.filter((offer) => !isBusy(offer)), ...sorted.filter(isBusy)];
};

const isBusy = ({ availability }: InstanceOfferWithAvailability): boolean => availability === "busy";
