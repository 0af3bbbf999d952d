import type { CpuGroup, GpuGroup } from "../../../shared/api/gpus.ts";
import type { InstanceOfferWithAvailability } from "../../../shared/resources/offered.ts";

type GroupKey = "backend" | "region" | "count";
type Offer = InstanceOfferWithAvailability;

/** What can be had now, or may be. */
const AVAILABLE = new Set(["unknown", "available", "idle"]);

const rangeOf = (values: number[]) => ({ min: Math.min(...values), max: Math.max(...values) });

const distinct = <T>(values: T[]): T[] => [...new Set(values)];

const placeKey = (offer: Offer, keys: readonly GroupKey[]): unknown[] => [
  keys.includes("backend") && offer.backend,
  keys.includes("region") && offer.region,
];

/** What every group says, whatever it groups. */
const commonOf = (group: Offer[], keys: readonly GroupKey[]) => {
  const backends = distinct(group.map((offer) => offer.backend));
  const regions = distinct(group.map((offer) => offer.region));
  const [backend = ""] = backends;
  const [region = ""] = regions;
  return {
    availability: distinct(group.map((offer) => offer.availability)),
    spot: distinct(
      group.map((offer) => (offer.instance.resources.spot ? ("spot" as const) : ("on-demand" as const))),
    ),
    ...(!keys.includes("backend")
      ? { backends }
      : keys.includes("region")
        ? { backend, region }
        : { backend, regions }),
  };
};

export interface Grouping {
  keys: readonly GroupKey[];
  /** The dearest first, among those that can be had. */
  isReversed: boolean;
}

const gpusOf = (offer: Offer) => offer.instance.resources.gpus;

/**
 * Offers by kind of GPU, and by what else is asked for (docs/spec/http-api.md §2.7). Only the first GPU of an offer
 * counts; those without one are left out. `price` is per GPU.
 */
export const groupByGpu = (offers: readonly Offer[], { keys, isReversed }: Grouping): GpuGroup[] => {
  const keyOf = (offer: Offer): string => {
    const [gpu] = gpusOf(offer);
    const count = keys.includes("count") && gpusOf(offer).length;
    return JSON.stringify([gpu?.vendor, gpu?.name, gpu?.memory_mib, count, ...placeKey(offer, keys)]);
  };
  const view = (group: Offer[]): GpuGroup[] =>
    group.slice(0, 1).flatMap((first) =>
      gpusOf(first)
        .slice(0, 1)
        .map((gpu) => ({
          name: gpu.name,
          memory_mib: gpu.memory_mib,
          vendor: gpu.vendor ?? "nvidia",
          count: rangeOf(group.map((offer) => gpusOf(offer).length)),
          price: rangeOf(group.map((offer) => offer.price / gpusOf(offer).length)),
          offer_price: rangeOf(group.map((offer) => offer.price)),
          ...commonOf(group, keys),
        })),
    );
  const withGpus = offers.filter((offer) => gpusOf(offer).length > 0);
  return [...Map.groupBy(withGpus, keyOf).values()]
    .flatMap(view)
    .sort((a, b) => inOrder(a, b, isReversed) || a.name.localeCompare(b.name));
};

/** Offers without GPUs, in one group for each place that is asked for. */
export const groupByCpu = (offers: readonly Offer[], { keys, isReversed }: Grouping): CpuGroup[] => {
  const view = (group: Offer[]): CpuGroup => ({
    cpu_arch: distinct(group.map((offer) => offer.instance.resources.cpu_arch ?? "x86")),
    count: rangeOf(group.map((offer) => offer.instance.resources.cpus)),
    memory_mib: rangeOf(group.map((offer) => offer.instance.resources.memory_mib)),
    price: rangeOf(group.map((offer) => offer.price)),
    ...commonOf(group, keys),
  });
  const withoutGpus = offers.filter((offer) => gpusOf(offer).length === 0);
  return [...Map.groupBy(withoutGpus, (offer) => JSON.stringify(placeKey(offer, keys))).values()]
    .map(view)
    .sort((a, b) => inOrder(a, b, isReversed));
};

type Sortable = Pick<GpuGroup, "availability" | "price" | "backend" | "region" | "count">;

const isUnavailable = (group: Sortable): number =>
  group.availability.some((availability) => AVAILABLE.has(availability)) ? 0 : 1;

const inOrder = (a: Sortable, b: Sortable, isReversed: boolean): number =>
  isUnavailable(a) - isUnavailable(b) ||
  (isReversed ? b.price.max - a.price.max : a.price.min - b.price.min) ||
  (isReversed ? b.price.min - a.price.min : a.price.max - b.price.max) ||
  (a.backend ?? "").localeCompare(b.backend ?? "") ||
  (a.region ?? "").localeCompare(b.region ?? "") ||
  a.count.min - b.count.min;
