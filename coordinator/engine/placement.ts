import type { JobSpec } from "../../shared/api/jobs.ts";
import { mergeProfile } from "../../shared/config/profile.ts";
import type { Viewer } from "../domain/fleets/named.ts";
import type { CapacityEntry } from "../domain/instances/capacityEntry.ts";
import { placeOf } from "../domain/instances/instanceType.ts";
import { isUp, usedBlocks } from "../domain/instances/occupancy.ts";
import {
  type Candidate,
  canBegin,
  findBest,
  findCandidates,
  findFree,
  type HostGroup,
} from "../domain/offers/candidates.ts";
import type { RunRow } from "../store/runs.ts";
import type { AgentSessions } from "./agentSessions.ts";
import { matchDistinct } from "./matchDistinct.ts";

/** A run whose jobs look for hosts: as many different ones of one fleet as there are nodes. */
export interface Wanted {
  run: Pick<RunRow, "id" | "spec" | "project_id" | "fleet_id">;
  jobSpecs: readonly JobSpec[];
}

export interface PlacementDeps {
  /** Hosts that the run's project may use. */
  entries: readonly CapacityEntry[];
  viewer?: Viewer | undefined;
  mayUse: (candidate: Candidate) => boolean;
}

const seenBy = (viewer: Viewer | undefined): { viewer?: Viewer } => (viewer ? { viewer } : {});

/**
 * Chooses where a single job goes at once: to a host that fits and may be used; undefined where there is none. A host
 * that is waiting for work right now comes before one that is about to ask again.
 */
export const chooseFreeHost = (
  { run, jobSpecs }: Wanted,
  {
    agents,
    groups,
    mayUse,
    viewer,
  }: {
    viewer?: Viewer | undefined;
    agents: Pick<AgentSessions, "isWaiting">;
    groups: readonly HostGroup[];
    mayUse: PlacementDeps["mayUse"];
  },
): Candidate[] | undefined => {
  const { spec, fleet_id: fleetId } = run;
  const [jobSpec] = jobSpecs;
  if (!jobSpec) return [];
  const usable =
    fleetId === null ? groups : groups.filter(({ sample }) => sample.instance.fleet_id === fleetId);
  const isReady = ({ entry }: Candidate) => agents.isWaiting(entry.instance.id);
  const found = findFree(usable, { spec, jobSpec, ...seenBy(viewer) }, { mayUse, isReady });
  return found && [found];
};

/**
 * Chooses where the jobs of a replica go, by rank: all of them into one fleet, each to a host of its own that fits
 * and may be used; undefined where that cannot be. Of several fleets the one where the most could begin at once, then
 * the cheapest. Later jobs of a run stay in the fleet of its first.
 */
export const chooseHosts = (
  wanted: Wanted,
  { entries, mayUse, viewer }: PlacementDeps,
): Candidate[] | undefined => {
  const { fleet_id: fleetId } = wanted.run;
  const usable = fleetId === null ? entries : entries.filter((one) => one.instance.fleet_id === fleetId);
  const [only, ...others] = wanted.jobSpecs;
  if (!only) return [];
  if (others.length === 0) {
    const best = findBest(usable, { spec: wanted.run.spec, jobSpec: only, ...seenBy(viewer) }, mayUse);
    return best ? [best] : undefined;
  }
  const fleets = Map.groupBy(usable, ({ instance }) => instance.fleet_id);
  let best: { hosts: Candidate[]; busy: number; price: number } | undefined;
  for (const own of fleets.values()) {
    if (own.length < wanted.jobSpecs.length) continue;
    const byKind = new Map<string, ReadonlyMap<CapacityEntry, Candidate>>();
    const choices = wanted.jobSpecs.map((spec) => {
      const kind = JSON.stringify(spec.requirements);
      const known = byKind.get(kind) ?? fittingOf(own, { wanted, spec, mayUse, viewer });
      byKind.set(kind, known);
      return known;
    });
    const entries = matchDistinct(
      choices.map((choice) => [...choice.keys()]),
      isFree,
    );
    // One of several nodes has all blocks of its host (docs/spec/lifecycle.md §2.5).
    const hosts = entries?.flatMap((entry, rank) => choices[rank]?.get(entry) ?? []);
    if (!hosts) continue;
    const busy = hosts.filter((host) => !canBegin(host)).length;
    const price = hosts.reduce((sum, { entry }) => sum + placeOf(entry.instance).price, 0);
    if (!best || busy < best.busy || (busy === best.busy && price < best.price))
      best = { hosts, busy, price };
    // Nothing is cheaper than hosts that joined by themselves.
    if (best.busy === 0 && best.price === 0) break;
  }
  return best?.hosts;
};

const fittingOf = (
  entries: readonly CapacityEntry[],
  {
    wanted,
    spec,
    mayUse,
    viewer,
  }: { wanted: Wanted; spec: JobSpec } & Pick<PlacementDeps, "mayUse" | "viewer">,
): ReadonlyMap<CapacityEntry, Candidate> => {
  const { fitting } = findCandidates(entries, {
    spec: wanted.run.spec,
    jobSpec: spec,
    ...seenBy(viewer),
  });
  const hosts = new Map<CapacityEntry, Candidate>();
  // The devices of the vendor that comes first are the best of a host with several.
  for (const candidate of fitting)
    if (!hosts.has(candidate.entry) && mayUse(candidate)) hosts.set(candidate.entry, candidate);
  return hosts;
};

/** Nobody is there. */
const isFree = (entry: CapacityEntry): boolean => entry.occupants.size === 0 && isUp(entry);

/** The words of the reference for it (docs/spec/lifecycle.md §2.7), and then what is in the way. */
export const whyNowhere = (wanted: Wanted, entries: readonly CapacityEntry[], viewer?: Viewer): string => {
  const { run, jobSpecs } = wanted;
  const own = entries.filter(({ instance }) => run.fleet_id === null || instance.fleet_id === run.fleet_id);
  const found = jobSpecs.map((jobSpec) =>
    findCandidates(own, { spec: run.spec, jobSpec, ...seenBy(viewer) }),
  );
  const impossible = found.find(({ fitting }) => fitting.length === 0);
  if (impossible) return impossible.whyNone;
  const text = whatIsFull(run);
  const all = found.flatMap((candidates) => candidates.fitting);
  const fitting = [...new Map(all.map((candidate) => [candidate.entry, candidate])).values()];
  const busy = fitting.filter((candidate) => !canBegin(candidate));
  if (jobSpecs.length === 1 && busy.length === fitting.length) return `${text}: ${whatIsBusy(busy)}`;
  if (jobSpecs.length === 1) return `${text}: ${KEPT}`;
  return `${text}: ${whatNodesLack(wanted, { entries: own, viewer }, fitting)}`;
};

const KEPT = "the hosts that are free are kept for a run that came before";

/** `fitting`: hosts of any fleet that some node could run on. */
const whatNodesLack = (
  wanted: Wanted,
  { entries, viewer }: Pick<PlacementDeps, "entries" | "viewer">,
  fitting: readonly Candidate[],
): string => {
  const { length: needed } = wanted.jobSpecs;
  const fleets = [...Map.groupBy(fitting, ({ entry }) => entry.instance.fleet_id).values()];
  const most = Math.max(...fleets.map((hosts) => hosts.length));
  if (most < needed) return `${needed} hosts of one fleet are needed, ${most} would fit`;
  if (chooseHosts(wanted, { entries, viewer, mayUse: canBegin })) return KEPT;
  const [nearest] = fleets
    .filter((hosts) => hosts.length >= needed)
    .map((hosts) => ({ hosts, free: hosts.filter(canBegin).length }))
    .sort((a, b) => b.free - a.free);
  const { hosts = [], free = 0 } = nearest ?? {};
  const where = fleets.length > 1 ? ` in ${hosts[0]?.entry.fleetName}` : "";
  return `${needed} free hosts of one fleet are needed, ${free} of ${hosts.length} are free${where}`;
};

const whatIsFull = ({ spec }: Wanted["run"]): string => {
  const { fleets, instances } = mergeProfile(spec.profile, spec.configuration);
  if (fleets) return "Failed to use specified fleets";
  return instances ? "Failed to use specified instances" : "Fleet is at capacity";
};

const whatIsBusy = (busy: readonly Candidate[]): string => {
  const whole = busy.filter(({ total }) => total === 1).map(({ entry }) => entry.instance.name);
  const divided = busy
    .filter(({ total }) => total > 1)
    .map(({ entry, blocks, total }) => {
      const free = total - usedBlocks(entry);
      return `${entry.instance.name} has ${free} of ${total} blocks free, ${blocks} needed`;
    });
  return [
    ...(whole.length > 0 ? [`${listed(whole)} busy`] : []),
    ...(divided.length > 0 ? [listed(divided)] : []),
  ].join("; ");
};

/** The list is for people. */
const MOST_NAMED = 10;

const listed = (names: readonly string[]): string => {
  const more = names.length - MOST_NAMED;
  return `${names.slice(0, MOST_NAMED).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
};
