import type { JobSpec } from "../../../shared/api/jobs.ts";
import type { RunSpec } from "../../../shared/api/runs.ts";
import { combine } from "../../../shared/config/combine.ts";
import { whyNotThere } from "../../../shared/config/placing.ts";
import { needsImage } from "../../../shared/config/processArgv.ts";
import { mergeProfile, type Placement } from "../../../shared/config/profile.ts";
import { countBlocks, fitBlocks } from "../../../shared/resources/blocks.ts";
import type { FleetRow } from "../../store/fleets.ts";
import type { MadeOffer } from "../../store/madeInstance.ts";
import { offersForFleet, placeOfOffer } from "./fleetOffers.ts";
import { isNamed, type Viewer } from "./named.ts";

/** Jobs of one replica that look for instances which are not there yet. */
export interface Newcomers {
  spec: RunSpec;
  jobSpecs: readonly JobSpec[];
  /** The run is bound to it already. */
  fleetId: string | null;
  /** Whose side fleets are named from. */
  viewer: Viewer;
}

/** A fleet that could make an instance for each of the jobs. */
export interface FleetChoice {
  fleet: FleetRow;
  /** By rank: what the instance of that job may be, the cheapest first. */
  offers: MadeOffer[][];
  /** How long an instance is kept after its job, in seconds. */
  idleDurationS: number;
}

/** What was made for a run is kept for five minutes (docs/spec/lifecycle.md §2.4). */
const IDLE_DURATION_S = 300;

/** May instances be made for such a run at all? */
export const mayMake = ({ profile, configuration }: RunSpec): boolean => {
  const { creation_policy: policy, instances } = mergeProfile(profile, configuration);
  return policy !== "reuse" && instances === null;
};

/** The fleets in which instances can be made for the jobs, the cheapest first (docs/spec/lifecycle.md §2.2, §2.3). */
export const chooseFleets = (
  fleets: readonly FleetRow[],
  offers: readonly MadeOffer[],
  newcomers: Newcomers,
): FleetChoice[] => {
  if (!mayMake(newcomers.spec)) return [];
  return fleets
    .filter((fleet) => isMeant(fleet, newcomers))
    .flatMap((fleet) => choiceOf(fleet, offers, newcomers) ?? [])
    .sort((a, b) => priceOf(a) - priceOf(b));
};

const priceOf = ({ offers }: FleetChoice): number =>
  offers.reduce((sum, ofJob) => sum + (ofJob[0]?.price ?? 0), 0);

/** Nodes of one task need each other: only a cluster is made for them. */
const isMeant = (fleet: FleetRow, { spec, jobSpecs, fleetId, viewer }: Newcomers): boolean => {
  const { nodes, placement } = fleet.spec.configuration;
  const { fleets: named } = mergeProfile(spec.profile, spec.configuration);
  return (
    fleet.status === "active" &&
    nodes !== null &&
    (jobSpecs.every((job) => job.jobs_per_replica === 1) || placement === "cluster") &&
    (fleetId === null || fleet.id === fleetId) &&
    (!named || named.some((one) => isNamed(one, { name: fleet.name, projectId: fleet.project_id }, viewer)))
  );
};

const choiceOf = (
  fleet: FleetRow,
  all: readonly MadeOffer[],
  { spec, jobSpecs }: Newcomers,
): FleetChoice | undefined => {
  const ofFleet = withSpot(mergeProfile(fleet.spec.profile, fleet.spec.configuration));
  const ofRun = withSpot(mergeProfile(spec.profile, spec.configuration));
  const possible = offersForFleet(all, fleet.spec).filter(
    ({ runtime }) => runtime !== "process" || !needsImage(spec.configuration),
  );
  const { resources, blocks } = fleet.spec.configuration;
  let idleDurationS = IDLE_DURATION_S;
  const offers: MadeOffer[][] = [];
  for (const { requirements } of jobSpecs) {
    const both = combine(
      { resources, placement: ofFleet },
      { resources: requirements.resources, placement: ofRun },
    );
    if (!both) return undefined;
    idleDurationS = both.placement.idle_duration ?? IDLE_DURATION_S;
    const wanted = { ...both.requirements, multinode: requirements.multinode };
    const fitting = possible.filter((offer) => {
      const { resources: offered } = offer.instance_type;
      const total = countBlocks(offered, blocks);
      if (total === undefined || whyNotThere(both.placement, placeOfOffer(offer)) !== undefined) return false;
      return (
        "blocks" in fitBlocks(wanted, offered, { total, devices: offered.gpus.length, price: offer.price })
      );
    });
    if (fitting.length === 0) return undefined;
    offers.push(fitting);
  }
  return { fleet, offers, idleDurationS };
};

/** On demand, where nothing else is said, for fleets as for runs. */
const withSpot = (placement: Placement): Placement => ({
  ...placement,
  spot_policy: placement.spot_policy ?? "on-demand",
});
