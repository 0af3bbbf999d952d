import { z } from "zod";
import { field, object, optionalField, orNull } from "../schema/field.ts";
import { accepts, reference, TEXT } from "../schema/form.ts";
import { refuse } from "../schema/refusal.ts";
import { integerBetween, parseBoolean, parseText } from "../schema/scalar.ts";
import { tagged } from "../schema/union.ts";
import { BACKEND_TYPES } from "./profile.ts";
import { parseTags } from "./tags.ts";

const parseInstanceType = accepts(
  { ...TEXT, minLength: 1 },
  (input: unknown): string =>
    parseText(input) || refuse("out_of_range", "The instance type must not be empty"),
);

const Certificate = tagged("type", {
  "lets-encrypt": object(
    { type: z.literal("lets-encrypt") },
    { about: { type: "A certificate of Let's Encrypt." } },
  ),
  acm: object(
    { type: z.literal("acm"), arn: field(parseText) },
    { about: { type: "A certificate of AWS.", arn: "Which one." } },
  ),
  "gcp-cm": object(
    { type: z.literal("gcp-cm"), name: field(parseText) },
    { about: { type: "A certificate of Google Cloud.", name: "Which one." } },
  ),
});

/** docs/spec/configuration.md §6. `default` and `load_balancer` are absent, not null, when unset. */
export const GatewayConfiguration = object(
  {
    type: z.literal("gateway"),
    name: optionalField(parseText),
    default: optionalField(parseBoolean),
    backend: z.enum(BACKEND_TYPES),
    region: field(parseText),
    instance_type: optionalField(parseInstanceType),
    domain: optionalField(parseText),
    public_ip: field(parseBoolean).default(true),
    certificate: Certificate.nullable().default(() => ({ type: "lets-encrypt" as const })),
    load_balancer: orNull(
      object({ type: z.enum(["alb"]) }, { about: { type: "`alb`, the cloud's application load balancer." } }),
    ),
    replicas: optionalField(integerBetween(1)),
    tags: optionalField(parseTags),
  },
  {
    about: {
      type: "`gateway`",
      name: "The gateway's name: 2 to 41 of a-z, 0-9 and -, beginning with a letter. Unset, one is made up.",
      default: "Whether services use it that name none. Unset: yes if the project has no other default.",
      backend: "Where it is: `aws`, `azure`, `gcp` or `kubernetes`.",
      region: "The region it is in.",
      instance_type: "The type of its instances.",
      domain: `Services are published below it. May refer to ${reference("run.project_name")}.`,
      public_ip: "Whether it has a public address.",
      certificate: "Where the certificate for HTTPS comes from; null: there is none.",
      load_balancer: "A load balancer in front of it; aws and gcp.",
      replicas: "How many instances it has. Unset: 1.",
      tags: "Names and values for its instances.",
    },
  },
).transform(({ default: isDefault, load_balancer, ...gateway }) => ({
  ...gateway,
  ...(isDefault === null ? {} : { default: isDefault }),
  ...(load_balancer === null ? {} : { load_balancer }),
}));
export type GatewayConfiguration = z.infer<typeof GatewayConfiguration>;
