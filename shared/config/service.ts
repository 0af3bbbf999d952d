import { z } from "zod";
import type { Range } from "../resources/range.ts";
import { field, object, optionalField, orNull, type Report } from "../schema/field.ts";
import { accepts, either, reference } from "../schema/form.ts";
import { BOOLEAN, booleanOf, parseBoolean, parseText } from "../schema/scalar.ts";
import { oneShape, refuseShape } from "../schema/union.ts";
import { groupList } from "./groups.ts";
import { parseGroupName } from "./names.ts";
import { ServicePort } from "./ports.ts";
import { GatewayChoice } from "./reference.ts";
import { aboutRun, checkImageSource, Resources, RunFields, texts } from "./run.ts";
import { parsePython } from "./runScalars.ts";
import {
  checkScaling,
  Model,
  ProbeConfiguration,
  parseReplicas,
  RateLimit,
  Scaling,
} from "./serviceParts.ts";

const Router = object(
  {
    /** `smg` is the later name of `sglang`; clients of both generations send and expect the old one. */
    type: z
      .enum(["sglang", "dynamo", "smg"])
      .transform((type) => (type === "smg" ? "sglang" : type))
      .default("sglang"),
  },
  { about: { type: "`sglang` or `dynamo`." } },
);

const groupFields = {
  name: field(parseGroupName),
  count: optionalField(parseReplicas),
  replicas: optionalField(parseReplicas),
  scaling: orNull(Scaling),
  resources: Resources(),
  spot_policy: orNull(z.enum(["spot", "on-demand", "auto"])),
  reservation: optionalField(parseText),
  commands: texts(),
  image: optionalField(parseText),
  python: optionalField(parsePython),
  nvcc: optionalField(parseBoolean),
  docker: optionalField(parseBoolean),
  privileged: optionalField(parseBoolean),
  router: orNull(Router),
};
const aboutGroup = {
  name: "The group's name. Unset, its number.",
  count: "How many replicas it has: a number, or a range with `scaling`.",
  replicas: "The same as `count`.",
  scaling: "How the number of replicas follows the load.",
  resources: "What each of its replicas needs of a host.",
  spot_policy: "Whether to take spot instances: `spot`, `on-demand` or `auto` (both).",
  reservation: "The capacity reservation to use.",
  commands: `What its replicas run. May refer to ${reference("run.args")}.`,
  image: "The image to run in. Unset, the service's.",
  python: "The version of Python in the default image.",
  nvcc: "Whether the default image has the CUDA compiler.",
  docker: "Whether its replicas have a Docker of their own.",
  privileged: "Whether its containers are privileged.",
  router: "Makes its one replica the router of the others.",
} as const satisfies Record<keyof typeof groupFields, string>;
type Group = z.output<z.ZodObject<typeof groupFields>>;

const NOTHING: Range = { min: 0, max: 0 };

/** Both spellings are read; `count` is ignored beside `replicas`. */
const sizeOf = (group: Group): Range => group.replicas ?? group.count ?? NOTHING;

const checkGroup = (group: Group, spelling: "count" | "replicas", report: Report) => {
  if (!group.replicas && !group.count) {
    report("missing", `Say how many replicas the group ${group.name} has`, [spelling]);
    return;
  }
  checkScaling(sizeOf(group), group.scaling, report);
  checkImageSource(group, report);
  if (group.docker && group.privileged === false) {
    report("conflict", "docker: true needs privileged", ["privileged"]);
  }
};

const groupSchema = (spelling: "count" | "replicas") =>
  object(groupFields, { about: aboutGroup, rules: (group, report) => checkGroup(group, spelling, report) });

const Count = field(parseReplicas);

const parseHttps = accepts(
  either("true, false or auto", BOOLEAN, { const: "auto" }),
  (input: unknown): boolean | "auto" =>
    input === "auto" ? "auto" : (booleanOf(input) ?? refuseShape("true, false or auto", input)),
);

const uniqueBy = <S extends z.ZodType>(item: S, keyOf: (value: z.output<S>) => string, message: string) =>
  z.array(item).superRefine((list, ctx) => {
    const keys = list.map(keyOf);
    if (new Set(keys).size === keys.length) return;
    ctx.addIssue({ code: "custom", message, params: { kind: "conflict" }, continue: false });
  });

const bare = {
  type: z.literal("service"),
  ...RunFields,
  port: ServicePort,
  gateway: orNull(GatewayChoice),
  strip_prefix: field(parseBoolean).default(true),
  model: orNull(Model),
  https: optionalField(parseHttps),
  auth: field(parseBoolean).default(true),
  scaling: orNull(Scaling),
  rate_limits: uniqueBy(RateLimit, ({ prefix }) => prefix, "Two rate limits have the same prefix").default(
    () => [],
  ),
  probes: orNull(uniqueBy(ProbeConfiguration, (probe) => JSON.stringify(probe), "Two probes are the same")),
  replicas: orNull(
    oneShape([Count, groupList(groupSchema("count"))], (input) => (Array.isArray(input) ? 1 : 0)),
  ),
  groups: groupList(groupSchema("replicas")),
  commands: texts(),
};
type Bare = z.output<z.ZodObject<typeof bare>>;

/** Properties that stand either at the service or in its groups. */
const checkLevels = (service: Bare, groups: readonly Group[], report: Report) => {
  const given = (
    key: "image" | "python" | "docker" | "nvcc" | "privileged" | "spot_policy" | "reservation",
  ) => groups.some((group) => group[key] !== null);
  const clash = (key: string, other: string) =>
    report(
      "conflict",
      key === other
        ? `${key} is given at the service and in a group`
        : `${key} of the service and ${other} of a group exclude each other`,
    );
  const shared = {
    image: service.image !== null,
    python: service.python !== null,
    spot_policy: service.spot_policy !== null,
    reservation: service.reservation !== null,
    docker: service.docker === true,
    privileged: service.privileged,
    nvcc: service.nvcc === true,
  };
  for (const key of Object.keys(shared) as (keyof typeof shared)[]) {
    if (shared[key] && given(key)) clash(key, key);
  }
  const exclusive = {
    image: ["docker", "python", "nvcc"],
    docker: ["image", "python", "nvcc"],
    python: ["image", "docker"],
    nvcc: ["image", "docker"],
  } as const;
  for (const key of Object.keys(exclusive) as (keyof typeof exclusive)[]) {
    for (const other of exclusive[key]) if (shared[key] && given(other)) clash(key, other);
  }
};

const checkGroups = (service: Bare, groups: readonly Group[], report: Report) => {
  if (service.scaling)
    report("conflict", "scaling and groups exclude each other: give scaling in each group");
  if (service.commands.length > 0) {
    report("conflict", "commands and groups exclude each other: give commands in each group");
  }
  checkLevels(service, groups, report);
  const idle = groups.find((group) => group.commands.length === 0 && !group.image);
  if (idle && !service.image) {
    report("missing", `The group ${idle.name} has nothing to run: give it commands or an image`);
  }
  const routers = groups.filter((group) => group.router);
  if (routers.length > 1) report("conflict", "More than one group has a router");
  const [router] = routers;
  if (router && (sizeOf(router).min !== 1 || sizeOf(router).max !== 1)) {
    report("invalid_value", `The group ${router.name} has a router: it must have exactly one replica`);
  }
};

const checkService = (service: Bare, report: Report) => {
  checkImageSource(service, report);
  const { replicas, scaling } = service;
  const groups = service.groups ?? (Array.isArray(replicas) ? replicas : null);
  if (service.groups && replicas) report("conflict", "replicas and groups exclude each other");
  if (groups) {
    checkGroups(service, groups, report);
    return;
  }
  if (service.commands.length === 0 && !service.image)
    report("missing", "Nothing to run: give commands or an image");
  if (replicas && !Array.isArray(replicas)) checkScaling(replicas, scaling, report);
  if (!replicas && scaling) report("conflict", "scaling needs a range of replicas, like 1..4", ["scaling"]);
};

const canonicalGroup = ({ count, replicas, ...group }: Group) => ({
  ...group,
  count: replicas ?? count ?? NOTHING,
});

/** A group of equal replicas; does not inherit the service's resources. */
export type ReplicaGroup = ReturnType<typeof canonicalGroup>;

const canonical = ({ groups, replicas, ...service }: Bare) => ({
  ...service,
  replicas: groups
    ? groups.map(canonicalGroup)
    : Array.isArray(replicas)
      ? replicas.map(canonicalGroup)
      : replicas,
});

/**
 * docs/spec/configuration.md §4.3. Groups are read under `groups` and under `replicas`, their size as `replicas` and as
 * `count`; the canonical form is the older one (`replicas: [{count}]`), which clients of both generations read.
 */
export const ServiceConfiguration = object(bare, {
  rules: checkService,
  about: {
    type: "`service`",
    ...aboutRun,
    port: "The port that the service listens at; `80:8000` means 8000.",
    gateway:
      "The gateway to publish the service at: a name, `true` for the default one, `false` for none. Unset: the default one if there is any.",
    strip_prefix:
      "Whether the path that the server puts before the service's own is taken away. Only without a gateway.",
    model:
      "The model that is served, as a name or a mapping; it is offered at the server's OpenAI-compatible address.",
    https:
      "Whether it is served by HTTPS: `true`, `false`, or `auto` for whatever the gateway has. Unset: `true`.",
    auth: "Whether callers need a token.",
    scaling: "How the number of replicas follows the load.",
    rate_limits: "How many requests are let through, by path.",
    probes:
      "How is found out whether a replica is ready. Unset: for a `model` of the OpenAI format by asking it; else not at all.",
    replicas: "How many replicas: a number, or a range with `scaling`; or a list of groups. Unset: 1.",
    groups: "Groups of replicas that differ in what they run or need; the same as a list under `replicas`.",
    commands: `What to run, one after the other. May refer to ${reference("run.args")}.`,
  },
}).transform(canonical);
export type ServiceConfiguration = z.infer<typeof ServiceConfiguration>;
