import type { JobSpec } from "../../../shared/api/jobs.ts";
import type { RunSpec } from "../../../shared/api/runs.ts";
import { type Place, whyNotThere } from "../../../shared/config/placing.ts";
import { needsImage } from "../../../shared/config/processArgv.ts";
import { mergeProfile, type Placement } from "../../../shared/config/profile.ts";
import type { InstanceSelector } from "../../../shared/config/reference.ts";
import type { Inventory } from "../../../shared/protocol/inventory.ts";
import { whyNot } from "../../../shared/resources/matching.ts";
import type { Requirements } from "../../../shared/resources/requirements.ts";
import type { CapacityEntry } from "../instances/capacityEntry.ts";
import {
  INSTANCE_TYPE_NAME,
  instanceTypeOf,
  REMOTE_BACKEND,
  REMOTE_REGION,
} from "../instances/instanceType.ts";

/** The job that looks for a host, and the run it belongs to. */
export interface WantedInstance {
  spec: RunSpec;
  jobSpec: JobSpec;
  /** True when only the hardware is of interest, not what the job would run on it (`dstack offer`). */
  ignoreRuntime?: boolean;
}

export interface Candidates {
  /** In order of preference: free ones before occupied ones, then the least capable, so that the others stay free. */
  fitting: CapacityEntry[];
  /** Why nothing fits, for people; empty when something does. */
  whyNone: string;
}

/**
 * The hosts that a job could run on, occupied ones included (docs/spec/lifecycle.md §2). References to fleets
 * are taken to be in the project of the entries: others are refused before.
 */
export const findCandidates = (entries: readonly CapacityEntry[], wanted: WantedInstance): Candidates => {
  const { placement, fitting, refused } = sift(entries, wanted);
  if (fitting.length > 0) return { fitting: fitting.sort(byPreference), whyNone: "" };
  const refusals = refused
    .filter(({ why }) => why !== NOT_SELECTED)
    .map(({ entry, why }) => `${entry.instance.name} ${why}`);
  return { fitting, whyNone: whyNone(entries, placement, refusals) };
};

/** The best of the hosts that fit; one that is preferred (`isReady`) comes before all others. */
export const findBest = (
  entries: readonly CapacityEntry[],
  wanted: WantedInstance,
  isReady: (entry: CapacityEntry) => boolean,
): CapacityEntry | undefined => {
  let best: CapacityEntry | undefined;
  let isBestReady = false;
  for (const entry of sift(entries, wanted).fitting) {
    const ready = isReady(entry);
    const isBetter = ready === isBestReady ? !best || byPreference(entry, best) < 0 : ready;
    if (isBetter) [best, isBestReady] = [entry, ready];
  }
  return best;
};

/** Hosts with the same hardware get the same answer, so it is found once for all of them. */
const sift = (entries: readonly CapacityEntry[], wanted: WantedInstance) => {
  const placement = mergeProfile(wanted.spec.profile, wanted.spec.configuration);
  const fitting: CapacityEntry[] = [];
  const refused: { entry: CapacityEntry; why: string }[] = [];
  const known = new Map<string, string | undefined>();
  for (const entry of entries) {
    let why = whyNotThis(entry, placement);
    if (why === undefined) {
      const { inventory } = entry.instance;
      const { kind } = hardwareOf(inventory);
      if (!known.has(kind)) known.set(kind, whyNotOn(inventory, wanted, placement));
      why = known.get(kind);
    }
    if (why === undefined) fitting.push(entry);
    else refused.push({ entry, why });
  }
  return { placement, fitting, refused };
};

interface Hardware {
  /** The same for hosts that nothing about their hardware tells apart. */
  kind: string;
  rank: readonly number[];
}

const hardware = new WeakMap<Inventory, Hardware>();

const hardwareOf = (inventory: Inventory): Hardware => {
  const known = hardware.get(inventory);
  if (known) return known;
  const { resources } = instanceTypeOf(inventory);
  const { gpus, cpus, memory_mib } = resources;
  const gpuMemory = gpus.reduce((sum, gpu) => sum + gpu.memory_mib, 0);
  const found = {
    kind: JSON.stringify([inventory.runtime, inventory.no_docker_reason, resources]),
    rank: [gpus.length, gpuMemory, cpus, memory_mib],
  };
  hardware.set(inventory, found);
  return found;
};

/** A host that the user did not mean: not worth a word. */
const NOT_SELECTED = "is not among those that were asked for";

const whyNotThis = (entry: CapacityEntry, placement: Placement): string | undefined => {
  const { instance } = entry;
  if (!isSelected(entry, placement)) return NOT_SELECTED;
  if (instance.status !== "idle" && instance.status !== "busy") return `is ${instance.status}`;
  return instance.unreachable ? "cannot be reached" : undefined;
};

const whyNotOn = (inventory: Inventory, wanted: WantedInstance, placement: Placement): string | undefined => {
  const elsewhere = whyNotThere(placement, HOSTS);
  if (elsewhere !== undefined) return `does not fit: ${elsewhere}`;
  const isProcessHost = inventory.runtime === "process";
  if (isProcessHost && !wanted.ignoreRuntime && needsImage(wanted.spec.configuration)) {
    const why = inventory.no_docker_reason;
    return `has no container engine for the image${why ? ` (${why})` : ""}`;
  }
  const { resources } = instanceTypeOf(inventory);
  return whyNot(requirementsOn(wanted, isProcessHost), resources, 0);
};

/** The default image has one architecture; without it, only what the user wrote counts. */
const requirementsOn = ({ spec, jobSpec }: WantedInstance, isProcessHost: boolean): Requirements => {
  const { requirements } = jobSpec;
  if (!isProcessHost || spec.configuration.image) return requirements;
  const { arch } = spec.configuration.resources.cpu;
  const { resources } = requirements;
  return { ...requirements, resources: { ...resources, cpu: { ...resources.cpu, arch } } };
};

/** Joined hosts have no zones. */
const HOSTS: Place = {
  backend: REMOTE_BACKEND,
  region: REMOTE_REGION,
  instance_type: INSTANCE_TYPE_NAME,
  availability_zones: null,
};

const isSelected = (entry: CapacityEntry, { fleets, instances }: Placement): boolean =>
  (!fleets || fleets.some((fleet) => fleet.name === entry.fleetName)) &&
  (!instances || instances.some((selector) => isMeant(entry, selector)));

const isMeant = ({ instance, fleetName }: CapacityEntry, selector: InstanceSelector): boolean => {
  if ("name" in selector) return selector.name === instance.name;
  if ("hostname" in selector) {
    const { hostname, addresses } = instance.inventory;
    return [hostname, ...addresses.map((address) => address.split("/")[0])].includes(selector.hostname);
  }
  return selector.fleet.name === fleetName && selector.instance === instance.instance_num;
};

export const isOccupied = ({ instance, occupants }: CapacityEntry): boolean =>
  instance.status === "busy" || occupants.size > 0;

/** Free ones first, then the least capable: a GPU that nobody needs is the dearest thing to block. */
const byPreference = (a: CapacityEntry, b: CapacityEntry): number => {
  const occupied = Number(isOccupied(a)) - Number(isOccupied(b));
  if (occupied !== 0) return occupied;
  const [own, other] = [hardwareOf(a.instance.inventory).rank, hardwareOf(b.instance.inventory).rank];
  for (const [index, value] of own.entries()) {
    const difference = value - (other[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.instance.created_at - b.instance.created_at;
};

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
