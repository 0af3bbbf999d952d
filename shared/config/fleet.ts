import { z } from "zod";
import { parseIdleDuration } from "../resources/duration.ts";
import { endsOf, type Range } from "../resources/range.ts";
import { ResourcesSpec } from "../resources/spec.ts";
import { field, object, optionalField, orNull } from "../schema/field.ts";
import { accepts, TEXT } from "../schema/form.ts";
import { refuse } from "../schema/refusal.ts";
import { isMapping, nounOf, parseInteger, parseText } from "../schema/scalar.ts";
import { Env } from "./env.ts";
import { aboutPlacement, ProfileFields } from "./profile.ts";
import { parseBlocks, SshConfig } from "./sshConfig.ts";

const nodesMapping = (input: unknown): Record<string, unknown> => {
  if (isMapping(input)) return input;
  if (typeof input === "number" && !Number.isInteger(input)) return wrongNodes(input);
  if (typeof input !== "string" && typeof input !== "number" && typeof input !== "boolean")
    return wrongNodes(input);
  const { min, max } = endsOf(input);
  return { min, max };
};

const wrongNodes = (input: unknown): never =>
  refuse("wrong_type", `Expected a number of instances like 2 or 0..4, got ${nounOf(input)}`);

/** `{min, target, max}`; `max` null is unbounded. */
const Nodes = object(
  {
    min: optionalField(parseInteger),
    target: optionalField(parseInteger),
    max: optionalField(parseInteger),
  },
  {
    from: nodesMapping,
    shorthand: {
      title: "number of instances",
      type: ["integer", "string", "boolean"],
      pattern: "^ *([+-]?[\\d_]+)? *(\\.\\. *([+-]?[\\d_]+)?)? *$",
      examples: ["2", "0..4", "1.."],
    },
    about: {
      min: "Never fewer. Unset: 0.",
      target: "How many are made when the fleet is. Unset: as `min`.",
      max: "Never more. Unset: without limit.",
    },
    rules: ({ min, target, max }, report) => {
      const low = min ?? 0;
      const wanted = target ?? low;
      if (low < 0)
        return report("out_of_range", `The number of instances cannot be negative, got ${low}`, ["min"]);
      if (wanted < low) report("out_of_range", `target (${wanted}) is below min (${low})`);
      else if (max !== null && max < wanted) {
        report(
          "out_of_range",
          `max (${max}) is below ${target === null ? `min (${low})` : `target (${wanted})`}`,
        );
      }
    },
  },
).transform(({ min, target, max }): Range & { min: number; target?: number } => {
  const low = min ?? 0;
  // Left out on the wire when it says nothing.
  return target === null || target === low ? { min: low, max } : { min: low, target, max };
});

const parseImage = accepts(
  { ...TEXT, minLength: 1 },
  (input: unknown): string => parseText(input) || refuse("out_of_range", "The image must not be empty"),
);

const { reservation, backends, regions, availability_zones, instance_types, spot_policy, retry, max_price } =
  ProfileFields;

/** docs/spec/configuration.md §5: either `nodes` (cloud) or `ssh_config`; which one is the server's check. */
export const FleetConfiguration = object(
  {
    type: z.literal("fleet"),
    name: optionalField(parseText),
    placement: orNull(z.enum(["any", "cluster"])),
    blocks: field(parseBlocks).default(1),
    nodes: orNull(Nodes),
    reservation,
    resources: orNull(ResourcesSpec),
    backends,
    regions,
    availability_zones,
    instance_types,
    spot_policy,
    retry,
    max_price,
    idle_duration: optionalField(parseIdleDuration),
    tags: ProfileFields.tags,
    backend_options: ProfileFields.backend_options,
    ssh_config: orNull(SshConfig),
    env: Env,
    /** Ours, and absent when unset: the reference knows it only of its server. */
    default_image: field(parseImage).optional(),
  },
  {
    about: {
      type: "`fleet`",
      name: "The fleet's name: 2 to 41 of a-z, 0-9 and -, beginning with a letter. Unset, one is made up.",
      placement: "`cluster` for instances that are connected closely, `any` otherwise. Unset: `any`.",
      blocks:
        "Into how many parts each instance can be divided, so that several jobs fit; `auto` for as many as there are GPUs, or CPUs.",
      nodes: "How many instances; for instances of clouds.",
      reservation: aboutPlacement.reservation,
      resources: "What the instances must have. Unset: anything.",
      backends: aboutPlacement.backends,
      regions: aboutPlacement.regions,
      availability_zones: aboutPlacement.availability_zones,
      instance_types: aboutPlacement.instance_types,
      spot_policy: aboutPlacement.spot_policy,
      retry: aboutPlacement.retry,
      max_price: aboutPlacement.max_price,
      idle_duration: "How long an instance without jobs is kept; `off` keeps it. Unset: 3d.",
      tags: aboutPlacement.tags,
      backend_options: aboutPlacement.backend_options,
      ssh_config: "Hosts that are there, reached by SSH; instead of `nodes`.",
      env: "Variables of the jobs on the hosts; with `ssh_config` only.",
      default_image:
        "In what jobs run on the fleet's instances that name no image (and no `docker`). Unset: the server's default image.",
    },
  },
);
export type FleetConfiguration = z.infer<typeof FleetConfiguration>;
