import { z } from "zod";
import { BackendOptions } from "../resources/backendOptions.ts";
import {
  durationFrom,
  parseDuration,
  parseIdleDuration,
  parseOffableDuration,
} from "../resources/duration.ts";
import { field, object, optionalField, orNull } from "../schema/field.ts";
import { accepts } from "../schema/form.ts";
import { refuse } from "../schema/refusal.ts";
import {
  BOOLEAN,
  booleanOf,
  integerBetween,
  isMapping,
  NUMBER,
  parseBoolean,
  parseNumber,
  parseText,
} from "../schema/scalar.ts";
import { oneShape, refuseShape } from "../schema/union.ts";
import { parseCrons } from "./cron.ts";
import { EntityReference, InstanceSelector } from "./reference.ts";
import { parseTags } from "./tags.ts";

export const BACKEND_TYPES = [
  "amddevcloud",
  "aws",
  "azure",
  "cloudrift",
  "crusoe",
  "cudo",
  "datacrunch",
  "digitalocean",
  "dstack",
  "gcp",
  "hotaisle",
  "jarvislabs",
  "kubernetes",
  "lambda",
  "remote",
  "nebius",
  "oci",
  "runpod",
  "tensordock",
  "vastai",
  "verda",
  "vultr",
  "slurm",
] as const;

export const RETRY_EVENTS = ["no-capacity", "interruption", "error"] as const;
export type RetryEvent = (typeof RETRY_EVENTS)[number];

const choice = <const T extends readonly [string, ...string[]]>(values: T) => orNull(z.enum(values));
const texts = () => orNull(z.array(field(parseText)));

const RetryPolicy = object(
  {
    on_events: orNull(accepts({ minItems: 1 }, z.array(z.enum(RETRY_EVENTS)))),
    duration: optionalField(parseDuration),
  },
  {
    about: {
      on_events: "What to retry on: `no-capacity`, `interruption`, `error`. Unset: all of them.",
      duration:
        "For how long: from the run's start for `no-capacity`, from the last failure for the others. Unset: 1h.",
    },
    rules: ({ on_events }, report) => {
      if (on_events?.length === 0) report("missing", `Give at least one of ${RETRY_EVENTS.join(", ")}`);
    },
  },
);

const RetryFlag = field(
  accepts(
    BOOLEAN,
    (input: unknown) =>
      booleanOf(input) ?? refuseShape("true, false, or a mapping with on_events and duration", input),
  ),
);

const parsePrice = accepts({ ...NUMBER, exclusiveMinimum: 0 }, (input: unknown): number | null => {
  const price = parseNumber(input);
  if (!(price > 0)) return refuse("out_of_range", `Expected a price above 0, got ${price}`);
  // As on the wire, where an infinite price is none.
  return Number.isFinite(price) ? price : null;
});

const uniqueTypes = z.array(BackendOptions).superRefine((list, ctx) => {
  if (new Set(list.map((options) => options.type)).size < list.length) {
    const message = "Options of one backend are given twice";
    ctx.addIssue({ code: "custom", message, params: { kind: "conflict" }, continue: false });
  }
});

/** The placement properties of docs/spec/configuration.md §3: of every run, and of profiles. */
export const ProfileFields = {
  backends: orNull(z.array(z.enum(BACKEND_TYPES))),
  regions: texts(),
  availability_zones: texts(),
  instance_types: texts(),
  reservation: optionalField(parseText),
  spot_policy: choice(["spot", "on-demand", "auto"]),
  retry: orNull(oneShape([RetryFlag, RetryPolicy], (input) => (isMapping(input) ? 1 : 0))),
  max_duration: optionalField(parseOffableDuration),
  stop_duration: optionalField(parseOffableDuration),
  max_price: optionalField(parsePrice),
  creation_policy: choice(["reuse", "reuse-or-create"]),
  idle_duration: optionalField(parseIdleDuration),
  utilization_policy: orNull(
    object(
      { min_gpu_utilization: field(integerBetween(0, 100)), time_window: field(durationFrom(300)) },
      {
        about: {
          min_gpu_utilization: "The least utilization in percent; the run ends if any GPU stays below it.",
          time_window: "For how long it may be below; at least `5m`, at most `1h`.",
        },
      },
    ),
  ),
  startup_order: choice(["any", "master-first", "workers-first"]),
  stop_criteria: choice(["all-done", "master-done"]),
  schedule: orNull(
    object(
      { cron: field(parseCrons) },
      {
        about: {
          cron: "When to start: minute, hour, day, month, weekday (0 is Monday), in UTC; one expression or several.",
        },
      },
    ),
  ),
  fleets: orNull(z.array(EntityReference)),
  instances: orNull(
    z.array(InstanceSelector).min(1, "Give at least one instance, or leave the property out"),
  ),
  tags: optionalField(parseTags),
  backend_options: orNull(uniqueTypes),
};

export const aboutPlacement = {
  backends: "Only offers of these backends; `remote` stands for hosts that have joined. Unset: any.",
  regions: "Only offers of these regions. Unset: any.",
  availability_zones: "Only offers of these zones. Unset: any.",
  instance_types: "Only these types of instances. Unset: any.",
  reservation: "The capacity reservation to use.",
  spot_policy: "Whether to take spot instances: `spot`, `on-demand` or `auto` (both). Unset: `on-demand`.",
  retry:
    "Whether to try again when there is no capacity, an instance is interrupted, or a job fails. Unset: no.",
  max_duration: "When a run is stopped, counted while it runs. Unset: never.",
  stop_duration: "How long a job may take to stop before it is killed. Unset: 5m.",
  max_price: "The highest price of an instance in dollars an hour. Unset: any.",
  creation_policy:
    "Whether new instances may be made: `reuse` or `reuse-or-create`. Unset: `reuse-or-create`.",
  idle_duration:
    "How long an instance that was made for the run is kept afterwards; `off` keeps it. Unset: 5m, for fleets 3d.",
  utilization_policy: "Ends a run that leaves its GPUs idle.",
  startup_order: "In which order the nodes start: `any`, `master-first` or `workers-first`. Unset: `any`.",
  stop_criteria: "When a run of several nodes is done: `all-done` or `master-done`. Unset: `all-done`.",
  schedule: "When to start. Unset: now.",
  fleets: "Only these fleets. Unset: all of the project.",
  instances: "Only these instances, which exist; nothing new is made.",
  tags: "Names and values for the resources of clouds.",
  backend_options: "Options of single backends.",
} as const satisfies Record<keyof typeof ProfileFields, string>;

export const Profile = object(
  {
    name: field(parseText).default(""),
    default: field(parseBoolean).default(false),
    ...ProfileFields,
  },
  {
    about: {
      name: "What `--profile` calls it.",
      default: "Whether it holds where no profile is asked for.",
      ...aboutPlacement,
    },
  },
);
export type Profile = z.infer<typeof Profile>;

export type ProfileProperty = keyof typeof ProfileFields;
export const PROFILE_PROPERTIES = Object.keys(ProfileFields) as readonly ProfileProperty[];

/** The placement properties alone. */
export type Placement = Pick<Profile, ProfileProperty>;

const merged = new WeakMap<object, { profile: Placement | null; placement: Placement }>();

/**
 * The placement that holds for a run: the profile's, each property overridden as a whole by the configuration's where
 * that is not null (docs/spec/http-api.md §3.4).
 */
export const mergeProfile = (
  profile: Placement | null,
  configuration: Partial<Placement>,
): Readonly<Placement> => {
  // Every rule asks for it, of the same spec.
  const known = merged.get(configuration);
  if (known && known.profile === profile) return known.placement;
  const values = PROFILE_PROPERTIES.map((key) => [key, configuration[key] ?? profile?.[key] ?? null]);
  const placement = Object.fromEntries(values) as Placement;
  placement.creation_policy ??= "reuse-or-create";
  merged.set(configuration, { profile, placement });
  return placement;
};
