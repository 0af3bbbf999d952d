import type { JobSpec } from "../../../shared/api/jobs.ts";
import type { RunSpec } from "../../../shared/api/runs.ts";
import { type Place, whyNotThere } from "../../../shared/config/placing.ts";
import { needsImage } from "../../../shared/config/processArgv.ts";
import { mergeProfile, type Placement } from "../../../shared/config/profile.ts";
import type { InstanceSelector } from "../../../shared/config/reference.ts";
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
  const placement = mergeProfile(wanted.spec.profile, wanted.spec.configuration);
  const fitting: CapacityEntry[] = [];
  const refusals: string[] = [];
  for (const entry of entries) {
    const refusal = whyNotHere(entry, wanted, placement);
    if (refusal === undefined) fitting.push(entry);
    else if (refusal !== NOT_SELECTED) refusals.push(`${entry.instance.name} ${refusal}`);
  }
  if (fitting.length > 0) return { fitting: sorted(fitting), whyNone: "" };
  return { fitting, whyNone: whyNone(entries, placement, refusals) };
};

/** A host that the user did not mean: not worth a word. */
const NOT_SELECTED = "is not among those that were asked for";

const whyNotHere = (
  entry: CapacityEntry,
  wanted: WantedInstance,
  placement: Placement,
): string | undefined => {
  const { instance } = entry;
  if (!isSelected(entry, placement)) return NOT_SELECTED;
  if (instance.status !== "idle" && instance.status !== "busy") return `is ${instance.status}`;
  if (instance.unreachable) return "cannot be reached";
  const elsewhere = whyNotThere(placement, HOSTS);
  if (elsewhere !== undefined) return `does not fit: ${elsewhere}`;
  const isProcessHost = instance.inventory.runtime === "process";
  if (isProcessHost && !wanted.ignoreRuntime && needsImage(wanted.spec.configuration)) {
    const why = instance.inventory.no_docker_reason;
    return `has no container engine for the image${why ? ` (${why})` : ""}`;
  }
  const { resources } = instanceTypeOf(instance.inventory);
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

/** Compared one after the other, smaller first; a GPU that nobody needs is the dearest thing to block. */
const rankOf = (entry: CapacityEntry): number[] => {
  const { gpus, cpus, memory_mib } = instanceTypeOf(entry.instance.inventory).resources;
  const gpuMemory = gpus.reduce((sum, gpu) => sum + gpu.memory_mib, 0);
  return [Number(isOccupied(entry)), gpus.length, gpuMemory, cpus, memory_mib, entry.instance.created_at];
};

const sorted = (entries: CapacityEntry[]): CapacityEntry[] =>
  entries
    .map((entry) => ({ entry, rank: rankOf(entry) }))
    .sort((a, b) => {
      for (const [index, value] of a.rank.entries()) {
        const difference = value - (b.rank[index] ?? 0);
        if (difference !== 0) return difference;
      }
      return 0;
    })
    .map(({ entry }) => entry);

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
