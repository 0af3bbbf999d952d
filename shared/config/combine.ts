import type { GpuSpec } from "../resources/gpu.ts";
import { anyGpu } from "../resources/gpu.ts";
import type { Range } from "../resources/range.ts";
import type { Requirements } from "../resources/requirements.ts";
import type { ResourcesSpec } from "../resources/spec.ts";
import type { Placement } from "./profile.ts";
import { requirementsOf } from "./requirements.ts";

/** Thrown inside, where fleet and run exclude each other. */
class Conflict extends Error {}

const conflict = (): never => {
  throw new Conflict();
};

/** Either one where the other is unset. */
const either = <T>(a: T | null, b: T | null, both: (a: T, b: T) => T): T | null =>
  a === null ? b : b === null ? a : both(a, b);

const equal = <T>(a: T | null, b: T | null): T | null => either(a, b, (a, b) => (a === b ? a : conflict()));

const lower = (a: number | null, b: number | null): number | null => either(a, b, Math.min);

const overlap = (a: Range, b: Range): Range => {
  const min = either(a.min, b.min, Math.max);
  const max = either(a.max, b.max, Math.min);
  return min !== null && max !== null && min > max ? conflict() : { min, max };
};

/** In any case, as the first has it. Nothing in common is no conflict, but nothing meets it. */
const common = <T extends string>(a: readonly T[] | null, b: readonly T[] | null): T[] | null => {
  if (!a || !b) return a || b ? [...(a ?? b ?? [])] : null;
  const wanted = new Set(b.map((item) => item.toLowerCase()));
  return a.filter((item) => wanted.has(item.toLowerCase()));
};

/** Both are asked for at least: the higher. */
const combineCapability = (a: [number, number], b: [number, number]): [number, number] =>
  a[0] > b[0] || (a[0] === b[0] && a[1] >= b[1]) ? a : b;

const combineGpu = (a: GpuSpec, b: GpuSpec): GpuSpec => ({
  vendor: equal(a.vendor, b.vendor),
  name: common(a.name, b.name),
  count: overlap(a.count, b.count),
  memory: either(a.memory, b.memory, overlap),
  total_memory: either(a.total_memory, b.total_memory, overlap),
  compute_capability: either(a.compute_capability, b.compute_capability, combineCapability),
});

const combineResources = (a: ResourcesSpec, b: ResourcesSpec): ResourcesSpec => ({
  cpu: { arch: equal(a.cpu.arch, b.cpu.arch), count: overlap(a.cpu.count, b.cpu.count) },
  memory: overlap(a.memory, b.memory),
  shm_size: lower(a.shm_size, b.shm_size),
  gpu: combineGpu(a.gpu ?? anyGpu(), b.gpu ?? anyGpu()),
  disk: either(a.disk, b.disk, (a, b) => ({ size: overlap(a.size, b.size) })),
});

const combineSpot = (a: Placement["spot_policy"], b: Placement["spot_policy"]): Placement["spot_policy"] => {
  if (a === "auto") return b ?? a;
  return b === "auto" ? (a ?? b) : equal(a, b);
};

/** The shorter; never (negative) yields to any. */
const combineIdle = (a: number, b: number): number => {
  if (a < 0 !== b < 0) return Math.max(a, b);
  return Math.min(a, b);
};

type Options = NonNullable<Placement["backend_options"]>[number];

const combineOptions = (a: Options, b: Options): Options => ({
  type: a.type,
  offer_order: equal(a.offer_order, b.offer_order),
  min_reliability: either(a.min_reliability, b.min_reliability, Math.max),
  min_score: either(a.min_score, b.min_score, Math.max),
});

const combineBackendOptions = (a: Options[], b: Options[]): Options[] => [
  ...a.map((options) => {
    const other = b.find(({ type }) => type === options.type);
    return other ? combineOptions(options, other) : options;
  }),
  ...b.filter(({ type }) => !a.some((options) => options.type === type)),
];

/** What of a placement a fleet has a say in. */
export type SharedPlacement = Pick<
  Placement,
  | "backends"
  | "regions"
  | "availability_zones"
  | "instance_types"
  | "reservation"
  | "spot_policy"
  | "max_price"
  | "idle_duration"
  | "tags"
  | "backend_options"
>;

/** A fleet's or a run's wishes. `resources` null: any. */
export interface Wishes {
  resources: ResourcesSpec | null;
  placement: SharedPlacement;
}

/**
 * What an instance of a fleet must be like for a run: both's wishes together; undefined where they exclude each other
 * (docs/spec/configuration.md §8, names compared in any case as in later releases). Lists with nothing in common come
 * out empty, and nothing meets them.
 */
export const combine = (
  fleet: Wishes,
  run: Wishes & { resources: ResourcesSpec },
): { placement: SharedPlacement; requirements: Requirements } | undefined => {
  try {
    const [a, b] = [fleet.placement, run.placement];
    const placement: SharedPlacement = {
      backends: common(a.backends, b.backends),
      regions: common(a.regions, b.regions),
      availability_zones: common(a.availability_zones, b.availability_zones),
      instance_types: common(a.instance_types, b.instance_types),
      reservation: equal(a.reservation, b.reservation),
      spot_policy: combineSpot(a.spot_policy, b.spot_policy),
      max_price: lower(a.max_price, b.max_price),
      idle_duration: either(a.idle_duration, b.idle_duration, combineIdle),
      tags: either(a.tags, b.tags, (a, b) => ({ ...a, ...b })),
      backend_options: either(a.backend_options, b.backend_options, combineBackendOptions),
    };
    const resources = fleet.resources ? combineResources(fleet.resources, run.resources) : run.resources;
    return { placement, requirements: requirementsOf(resources, placement, null) };
  } catch (err) {
    if (err instanceof Conflict) return undefined;
    throw err;
  }
};
