import type { Run, RunPlan, RunSpec } from "../../shared/api/runs.ts";
import type { RunConfiguration } from "../../shared/config/configuration.ts";
import { type EntityReference, printReference } from "../../shared/config/reference.ts";
import { type ClientVersion, isBefore } from "./clientVersion.ts";

// Runs in the form that clients of earlier releases read (docs/spec/http-api.md §1.3, docs/spec/changes-0.22.md §1.2).
// Their types are those of the wire then, so that they are plain objects here.

type Plain = Record<string, unknown>;

const isReference = (value: unknown): value is EntityReference =>
  typeof value === "object" && value !== null && "name" in value;

/** The same in texts: `name` or `project/name`. */
const inTexts = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(inTexts);
  return isReference(value) ? printReference(value) : value;
};

interface Change {
  /** Clients before this release. */
  before: readonly [number, number, number];
  property: string;
  /** Of services alone. */
  ofService?: true;
  to: (value: unknown) => unknown;
}

const CHANGES: readonly Change[] = [
  { before: [0, 20, 8], property: "probes", ofService: true, to: (probes) => probes ?? [] },
  { before: [0, 20, 12], property: "https", ofService: true, to: (https) => https ?? true },
  { before: [0, 20, 14], property: "fleets", to: inTexts },
  { before: [0, 20, 20], property: "gateway", ofService: true, to: inTexts },
  { before: [0, 22, 5], property: "python", to: (python) => (python === "3.15" ? null : python) },
];

const NEWEST_CHANGE = [0, 22, 5] as const;

/** A configuration or profile; of what it does not have nothing is made. */
const changed = (client: ClientVersion, given: object, isService: boolean): Plain => {
  const plain: Plain = { ...given };
  for (const { before, property, ofService, to } of CHANGES)
    if (property in plain && (!ofService || isService) && isBefore(client, before))
      plain[property] = to(plain[property]);
  return plain;
};

const isService = ({ type }: RunConfiguration): boolean => type === "service";

const specFor = (client: ClientVersion, spec: RunSpec): Plain => ({
  ...spec,
  configuration: changed(client, spec.configuration, isService(spec.configuration)),
  profile: spec.profile && changed(client, spec.profile, false),
});

const isCurrent = (client: ClientVersion): boolean => !isBefore(client, NEWEST_CHANGE);

export const runFor = (client: ClientVersion, run: Run): Run | Plain =>
  isCurrent(client) ? run : { ...run, run_spec: specFor(client, run.run_spec) };

export const planFor = (client: ClientVersion, plan: RunPlan): RunPlan | Plain =>
  isCurrent(client)
    ? plan
    : {
        ...plan,
        run_spec: specFor(client, plan.run_spec),
        effective_run_spec: plan.effective_run_spec && specFor(client, plan.effective_run_spec),
        current_resource: plan.current_resource && runFor(client, plan.current_resource),
      };

/** Before 0.21.0, a task that does nothing is what `dstack offer` asks with. */
export const asksForOffers = (client: ClientVersion, { configuration }: RunSpec): boolean =>
  isBefore(client, [0, 21, 0]) &&
  configuration.type === "task" &&
  configuration.commands.length === 1 &&
  configuration.commands[0] === ":";
