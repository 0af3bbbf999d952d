import type { GpuGroup } from "../../../shared/api/gpus.ts";
import type { InstanceOfferWithAvailability } from "../../../shared/resources/offered.ts";

export type GroupKey = "backend" | "region" | "count";

/** What can be had now, or may be. */
const AVAILABLE = new Set(["unknown", "available", "idle"]);

const rangeOf = (values: number[]) => ({ min: Math.min(...values), max: Math.max(...values) });

const distinct = <T>(values: T[]): T[] => [...new Set(values)];

/**
 * Offers by kind of GPU, and by what else is asked for (docs/spec/http-api.md §2.7). Only the first GPU of an offer
 * counts; those without one are left out. Prices are per GPU.
 */
export const groupGpus = (
  offers: readonly InstanceOfferWithAvailability[],
  keys: readonly GroupKey[],
): GpuGroup[] => {
  const keyOf = (offer: InstanceOfferWithAvailability): string => {
    const { gpus } = offer.instance.resources;
    const parts: unknown[] = [gpus[0]?.vendor, gpus[0]?.name, gpus[0]?.memory_mib];
    if (keys.includes("backend")) parts.push(offer.backend);
    if (keys.includes("region")) parts.push(offer.region);
    if (keys.includes("count")) parts.push(gpus.length);
    return JSON.stringify(parts);
  };
  const withGpus = offers.filter((offer) => offer.instance.resources.gpus.length > 0);
  return [...Map.groupBy(withGpus, keyOf).values()]
    .flatMap((group) => viewGroup(group, keys))
    .sort(byAvailabilityAndPrice);
};

const viewGroup = (group: InstanceOfferWithAvailability[], keys: readonly GroupKey[]): GpuGroup[] => {
  const [first] = group;
  const gpu = first?.instance.resources.gpus[0];
  if (!first || !gpu) return [];
  const countOf = (offer: InstanceOfferWithAvailability) => offer.instance.resources.gpus.length;
  const places = keys.includes("backend")
    ? keys.includes("region")
      ? { backend: first.backend, region: first.region }
      : { backend: first.backend, regions: distinct(group.map((offer) => offer.region)) }
    : { backends: distinct(group.map((offer) => offer.backend)) };
  return [
    {
      name: gpu.name,
      memory_mib: gpu.memory_mib,
      vendor: gpu.vendor ?? "nvidia",
      availability: distinct(group.map((offer) => offer.availability)),
      spot: distinct(group.map((offer) => (offer.instance.resources.spot ? "spot" : "on-demand"))),
      count: rangeOf(group.map(countOf)),
      price: rangeOf(group.map((offer) => offer.price / countOf(offer))),
      ...places,
    },
  ];
};

const isUnavailable = (group: GpuGroup): number =>
  group.availability.some((availability) => AVAILABLE.has(availability)) ? 0 : 1;

const byAvailabilityAndPrice = (a: GpuGroup, b: GpuGroup): number =>
  isUnavailable(a) - isUnavailable(b) ||
  a.price.min - b.price.min ||
  a.price.max - b.price.max ||
  (a.backend ?? "").localeCompare(b.backend ?? "") ||
  (a.region ?? "").localeCompare(b.region ?? "") ||
  a.count.min - b.count.min ||
  a.name.localeCompare(b.name);
