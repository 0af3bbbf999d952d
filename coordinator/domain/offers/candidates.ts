import type { JobSpec } from "../../../shared/api/jobs.ts";
import { parseLabelSelector } from "../../../shared/api/labels.ts";
import type { RunSpec } from "../../../shared/api/runs.ts";
import { whyNotThere } from "../../../shared/config/placing.ts";
import { needsImage } from "../../../shared/config/processArgv.ts";
import { mergeProfile, type Placement } from "../../../shared/config/profile.ts";
import type { EntityReference, InstanceSelector } from "../../../shared/config/reference.ts";
import type { Inventory } from "../../../shared/protocol/inventory.ts";
import type { Resources } from "../../../shared/resources/offered.ts";
import type { Requirements } from "../../../shared/resources/requirements.ts";
import type { InstanceRow } from "../../store/instances.ts";
import { isNamed, type Viewer } from "../fleets/named.ts";
import type { CapacityEntry } from "../instances/capacityEntry.ts";
import { whyClosed } from "../instances/closed.ts";
import { totalBlocksOf, whyUndivided } from "../instances/division.ts";
import { fitInstance } from "../instances/fitInstance.ts";
import { healthOf } from "../instances/health.ts";
import { instanceTypeOf, placeOf, typeNameOf } from "../instances/instanceType.ts";
import { hasRoom, usedBlocks } from "../instances/occupancy.ts";
import { type Vendor, vendorsOf } from "../instances/offeredGpus.ts";

/** The job that looks for a host, and the run it belongs to. */
export interface WantedInstance {
  spec: RunSpec;
  jobSpec: JobSpec;
  /** True when only the hardware is of interest, not what the job would run on it (`dstack offer`). */
  ignoreRuntime?: boolean;
  /** Whose side fleets are named from; left out: all hosts are of the run's project. */
  viewer?: Viewer;
}

/** A host that a job could run on, and how much of it the job would take: the fewest blocks that satisfy it. */
export interface Candidate {
  entry: CapacityEntry;
  blocks: number;
  total: number;
  /** Whose devices the job would have; a host with several vendors' is a candidate for each that fits. */
  vendor: Vendor | undefined;
}

export interface Candidates {
  /**
   * In order of preference: where it could begin at once before where others are, then the cheapest, then the least
   * capable parts of the least capable hosts, then the fullest host, so that the others stay free.
   */
  fitting: Candidate[];
  /** Why nothing fits, for people; empty when something does. */
  whyNone: string;
}

/**
 * The hosts that a job could run on, occupied ones included (docs/spec/lifecycle.md §2). What is said of fleets that the
 * project may not use selects nothing, as does what is said of none.
 */
export const findCandidates = (entries: readonly CapacityEntry[], wanted: WantedInstance): Candidates => {
  const { placement, fitting, refused } = sift(entries, wanted);
  if (fitting.length > 0) return { fitting: fitting.sort(byPreference), whyNone: "" };
  const refusals = refused
    .filter(({ why }) => why !== NOT_SELECTED)
    .map(({ entry, why }) => `${entry.instance.name} ${why}`);
  return { fitting, whyNone: whyNone(entries, placement, refusals) };
};

/** The best of the hosts that fit and may be used. */
export const findBest = (
  entries: readonly CapacityEntry[],
  wanted: WantedInstance,
  mayUse: (candidate: Candidate) => boolean,
): Candidate | undefined => {
  let best: Sifted | undefined;
  for (const candidate of sift(entries, wanted).fitting)
    if (mayUse(candidate) && (!best || byPreference(candidate, best) < 0)) best = candidate;
  return best;
};

/** Hosts that nothing tells apart but who they are: of one fleet, divided alike, with the same hardware. */
export interface HostGroup {
  /** A host as all of them are; who occupies it is not said. */
  sample: CapacityEntry;
  /** Those where a job could begin at once, by the blocks that others have. */
  free: ReadonlyMap<number, ReadonlySet<CapacityEntry>>;
}

/**
 * A host where the job can begin at once, one that is preferred (`isReady`) before all others; without a look at
 * each of them.
 */
export const findFree = (
  groups: readonly HostGroup[],
  wanted: WantedInstance,
  { mayUse, isReady }: Record<"mayUse" | "isReady", (candidate: Candidate) => boolean>,
): Candidate | undefined => {
  const placement = mergeProfile(wanted.spec.profile, wanted.spec.configuration);
  const fitting = groups
    .filter(({ free }) => free.size > 0)
    .flatMap(({ sample, free }) => {
      const found = fitsOn(sample.instance, wanted, placement);
      return "why" in found ? [] : found.fits.map((fit) => ({ free, ...fit }));
    })
    .sort(byRank);
  for (const isPreferred of [isReady, () => true])
    for (const { free, blocks, total, vendor } of fitting)
      for (let used = total - blocks; used >= 0; used--)
        for (const entry of free.get(used) ?? []) {
          const candidate = { entry, blocks, total, vendor };
          const isOpen = whyNotThis(entry, wanted, placement) === undefined;
          if (isOpen && isPreferred(candidate) && mayUse(candidate)) return candidate;
        }
  return undefined;
};

interface Fit {
  blocks: number;
  total: number;
  vendor: Vendor | undefined;
  rank: readonly number[];
}

type Fits = { fits: Fit[] } | { why: string };

interface Sifted extends Candidate {
  /** The price, whether the vendor comes later, what the job would get, what the whole host has; less is better. */
  rank: readonly number[];
  begins: boolean;
  used: number;
}

/** Hosts with the same hardware get the same answer, so it is found once for all of them. */
const sift = (entries: readonly CapacityEntry[], wanted: WantedInstance) => {
  const placement = mergeProfile(wanted.spec.profile, wanted.spec.configuration);
  const fitting: Sifted[] = [];
  const refused: { entry: CapacityEntry; why: string }[] = [];
  const known = new Map<string, Fits>();
  for (const entry of entries) {
    const why = whyNotThis(entry, wanted, placement);
    if (why !== undefined) {
      refused.push({ entry, why });
      continue;
    }
    const { instance } = entry;
    const kind = kindOf(instance);
    const found = known.get(kind) ?? fitsOn(instance, wanted, placement);
    known.set(kind, found);
    if ("why" in found) refused.push({ entry, why: found.why });
    else
      for (const fit of found.fits) {
        const begins = canBegin({ entry, ...fit });
        fitting.push({ entry, ...fit, begins, used: usedBlocks(entry) });
      }
  }
  return { placement, fitting, refused };
};

const kinds = new WeakMap<CapacityEntry["instance"], string>();

/** The same for hosts that are divided alike, and that nothing about their hardware or their place tells apart. */
export const kindOf = (instance: CapacityEntry["instance"]): string => {
  const known = kinds.get(instance);
  if (known !== undefined) return known;
  const offer = instance.made?.offer;
  const kind = `${instance.blocks} of ${hardwareOf(instance.inventory)}${offer ? JSON.stringify(offer) : ""}`;
  kinds.set(instance, kind);
  return kind;
};

const hardware = new WeakMap<Inventory, string>();

const hardwareOf = (inventory: Inventory): string => {
  const known = hardware.get(inventory);
  if (known !== undefined) return known;
  const text = JSON.stringify([
    inventory.runtime,
    inventory.no_docker_reason,
    vendorsOf(inventory).map((vendor) => instanceTypeOf(inventory, vendor).resources),
    inventory.held_out_gpus,
  ]);
  hardware.set(inventory, text);
  return text;
};

const rankOf = ({ gpus, cpus, memory_mib }: Resources): number[] => [
  gpus.length,
  gpus.reduce((sum, gpu) => sum + gpu.memory_mib, 0),
  cpus,
  memory_mib,
];

/** A host that the user did not mean: not worth a word. */
const NOT_SELECTED = "is not among those that were asked for";

const whyNotThis = (
  entry: CapacityEntry,
  { viewer }: WantedInstance,
  placement: Placement,
): string | undefined => {
  const { instance } = entry;
  if (!isSelected(entry, placement, viewer)) return NOT_SELECTED;
  if (instance.status !== "idle" && instance.status !== "busy") return `is ${instance.status}`;
  return instance.unreachable ? "cannot be reached" : whyClosed(instance);
};

const fitsOn = (instance: CapacityEntry["instance"], wanted: WantedInstance, placement: Placement): Fits => {
  const { inventory } = instance;
  const { backend, region, availability_zone: zone, price } = placeOf(instance);
  const place = {
    backend,
    region,
    instance_type: typeNameOf(instance),
    availability_zones: zone === null ? null : [zone],
  };
  const elsewhere = whyNotThere(placement, place);
  if (elsewhere !== undefined) return { why: `does not fit: ${elsewhere}` };
  const isProcessHost = inventory.runtime === "process";
  if (isProcessHost && !wanted.ignoreRuntime && needsImage(wanted.spec.configuration)) {
    const why = inventory.no_docker_reason;
    return { why: `has no container engine for the image${why ? ` (${why})` : ""}` };
  }
  if (healthOf(inventory).status === "failure")
    return { why: `is not used: none of its devices is fit for work${heldOut(inventory)}` };
  const total = totalBlocksOf(instance);
  if (total === undefined) return { why: `is not used: ${whyUndivided(instance)}` };
  const found = fitInstance(requirementsOn(wanted, isProcessHost), instance, total);
  if ("reason" in found) return { why: `${found.reason}${heldOut(inventory)}` };
  const fits = found.fits.map(({ blocks, vendor, share, whole }, at) => ({
    blocks,
    total,
    vendor,
    // Whoever does not care gets no other vendor's devices than if the host had the first one's alone.
    rank: [price, at, ...rankOf(share), ...rankOf(whole)],
  }));
  return { fits };
};

/** For people: what the host would have more, if it did not fail. */
const heldOut = ({ held_out_gpus }: Inventory): string => {
  const [first, ...more] = held_out_gpus ?? [];
  if (!first) return "";
  const others = more.length > 0 ? `, and ${more.length} more` : "";
  return ` (held out: ${first.raw_name}, ${first.health?.reason}${others})`;
};

/** The default image has one architecture; without it, only what the user wrote counts. */
const requirementsOn = ({ spec, jobSpec }: WantedInstance, isProcessHost: boolean): Requirements => {
  const { requirements } = jobSpec;
  if (!isProcessHost || spec.configuration.image) return requirements;
  const { arch } = spec.configuration.resources.cpu;
  const { resources } = requirements;
  return { ...requirements, resources: { ...resources, cpu: { ...resources.cpu, arch } } };
};

const isSelected = (
  entry: CapacityEntry,
  { fleets, instances }: Placement,
  viewer: Viewer | undefined,
): boolean =>
  (!fleets || fleets.some((fleet) => isNamed(fleet, fleetOf(entry), viewer))) &&
  (!instances || instances.some((selector) => isMeant(entry, selector, viewer)));

const fleetOf = ({ fleetName: name, instance }: CapacityEntry) => ({ name, projectId: instance.project_id });

const isMeant = (entry: CapacityEntry, selector: InstanceSelector, viewer: Viewer | undefined): boolean => {
  const { instance } = entry;
  if ("name" in selector) {
    const pairs = parseLabelSelector(selector.name);
    if (!pairs) return isNamed(splitName(selector.name), { ...fleetOf(entry), name: instance.name }, viewer);
    return pairs.every(([key, value]) => attributeOf(instance, key) === value);
  }
  if ("hostname" in selector) {
    const { hostname, addresses } = instance.inventory;
    return [hostname, ...addresses.map((address) => address.split("/")[0])].includes(selector.hostname);
  }
  return selector.instance === instance.instance_num && isNamed(selector.fleet, fleetOf(entry), viewer);
};

/** Instances are named as their fleets: `lab-0`, or `main/lab-0` of another project. */
const splitName = (text: string): EntityReference => {
  const at = text.indexOf("/");
  return at < 0 ? { project: null, name: text } : { project: text.slice(0, at), name: text.slice(at + 1) };
};

/** What it is labelled with, or is by itself. */
const attributeOf = ({ labels, inventory }: InstanceRow, key: string): string | undefined => {
  if (key === "arch") return inventory.arch;
  return key === "runtime" ? inventory.runtime : labels?.[key];
};

/** Could the job begin there at once? */
export const canBegin = ({ entry, ...part }: Candidate): boolean => hasRoom(entry, part);

const byRank = (a: Pick<Sifted, "rank">, b: Pick<Sifted, "rank">): number => {
  for (let at = 0; at < a.rank.length; at++) {
    const difference = (a.rank[at] ?? 0) - (b.rank[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
};

/** A GPU that nobody needs is the dearest thing to block; a host that is free as a whole comes next. */
const byPreference = (a: Sifted, b: Sifted): number =>
  Number(b.begins) - Number(a.begins) ||
  byRank(a, b) ||
  (a.begins ? b.used - a.used : a.used - b.used) ||
  a.entry.instance.created_at - b.entry.instance.created_at;

/** At most so many hosts are named: the list is for people. */
const MOST_NAMED = 3;

/**
 * Begins with the words of the reference (docs/spec/lifecycle.md §2.7), by which clients show "no fleets" or
 * "no capacity", and goes on with what is wrong with each host.
 */
const whyNone = (
  entries: readonly CapacityEntry[],
  { fleets, instances }: Placement,
  refusals: readonly string[],
): string => {
  if (entries.length === 0) return "No matching fleet found: no host has joined this project";
  const said = fleets
    ? "Failed to use specified fleets"
    : instances
      ? "Failed to use specified instances"
      : "Fleet is at capacity";
  if (refusals.length === 0) return `${said}: no host of this project is among them`;
  const more = refusals.length - MOST_NAMED;
  const named = refusals.slice(0, MOST_NAMED).join("; ");
  return `${said}: ${named}${more > 0 ? `; and ${more} more` : ""}`;
};
