import { BACKEND_TYPES, type Placement } from "../../shared/config/profile.ts";
import { EntityReference } from "../../shared/config/reference.ts";
import { parseDuration, parseIdleDuration, parseOffableDuration } from "../../shared/resources/duration.ts";
import type { Values } from "../args/command.ts";
import { BadValue, choice, decimal, flag, list, oneOf, text, value } from "../args/option.ts";
import { readAs, readBy } from "./read.ts";

/** `ssh` is what tables call the hosts that have joined. */
const backend = (given: string) => oneOf(BACKEND_TYPES)(given === "ssh" ? "remote" : given);

const price = (given: string): number => {
  const dollars = decimal(given);
  if (dollars > 0) return dollars;
  throw new BadValue(`invalid value: '${given}' (must be above 0)`);
};

/** Where a run may be placed: of `apply` for every run, and of `offer`. */
export const placementOptions = {
  maxPrice: value("--max-price PRICE", "The highest price of an instance, in dollars an hour", price),
  maxDuration: value(
    "--max-duration DURATION",
    "When the run is stopped, like 2h; or off",
    readBy(parseOffableDuration),
  ),
  backends: list("-b, --backend NAME", "Only offers of this backend", backend, { choices: BACKEND_TYPES }),
  regions: list("-r, --region NAME", "Only offers of this region", text),
  instanceTypes: list("--instance-type NAME", "Only instances of this type", text),
  fleets: list("--fleet NAME", "Only this fleet", readAs(EntityReference), { complete: "fleet" }),
  reuse: flag("-R, --reuse", "Only hosts that are there; nothing new is provisioned"),
  dontDestroy: flag("--dont-destroy", "Keep a new instance after the run"),
  idleDuration: value(
    "--idle-duration DURATION",
    "How long a new instance is kept after the run, like 1h; or off",
    readBy(parseIdleDuration),
  ),
  spot: flag("--spot", "Only spot instances"),
  onDemand: flag("--on-demand", "Only on-demand instances"),
  spotAuto: flag("--spot-auto", "Spot and on-demand instances"),
  spotPolicy: choice("--spot-policy POLICY", "spot, on-demand or auto", ["spot", "on-demand", "auto"]),
  retry: flag("--retry", "Try again after missing capacity, interruptions and errors"),
  noRetry: flag("--no-retry", "Do not try again"),
  retryDuration: value(
    "--retry-duration DURATION",
    "Try again for so long after the last success",
    readBy(parseDuration),
  ),
};

export const placementExclusive: (keyof typeof placementOptions)[][] = [
  ["reuse", "dontDestroy", "idleDuration"],
  ["spot", "onDemand", "spotAuto", "spotPolicy"],
  ["retry", "noRetry", "retryDuration"],
];

type PlacementValues = Values<typeof placementOptions>;

const NEVER_IDLE_OUT = -1;

/** The placement properties that the command line gives; those it does not are left out. */
export const placementOf = (values: PlacementValues): Partial<Placement> => {
  const spotPolicy = spotPolicyOf(values);
  const retry = retryOf(values);
  const idleDuration = values.dontDestroy ? NEVER_IDLE_OUT : values.idleDuration;
  return {
    ...(values.maxPrice !== undefined && { max_price: values.maxPrice }),
    ...(values.maxDuration !== undefined && { max_duration: values.maxDuration }),
    ...(values.backends.length > 0 && { backends: [...values.backends] }),
    ...(values.regions.length > 0 && { regions: [...values.regions] }),
    ...(values.instanceTypes.length > 0 && { instance_types: [...values.instanceTypes] }),
    ...(values.fleets.length > 0 && { fleets: [...values.fleets] }),
    ...(values.reuse && { creation_policy: "reuse" as const }),
    ...(idleDuration !== undefined && { idle_duration: idleDuration }),
    ...(spotPolicy !== undefined && { spot_policy: spotPolicy }),
    ...(retry !== undefined && { retry }),
  };
};

const spotPolicyOf = ({
  spot,
  onDemand,
  spotAuto,
  spotPolicy,
}: PlacementValues): Placement["spot_policy"] | undefined => {
  if (spot) return "spot";
  if (onDemand) return "on-demand";
  return spotAuto ? "auto" : spotPolicy;
};

const retryOf = ({ retry, noRetry, retryDuration }: PlacementValues): Placement["retry"] | undefined => {
  if (retry) return true;
  if (noRetry) return false;
  return retryDuration === undefined ? undefined : { on_events: null, duration: retryDuration };
};
