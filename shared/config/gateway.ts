import { z } from "zod";
import { field, object, optionalField, orNull } from "../schema/field.ts";
import { refuse } from "../schema/refusal.ts";
import { integerBetween, parseBoolean, parseText } from "../schema/scalar.ts";
import { tagged } from "../schema/union.ts";
import { BACKEND_TYPES } from "./profile.ts";
import { parseTags } from "./tags.ts";

const parseInstanceType = (input: unknown): string =>
  parseText(input) || refuse("out_of_range", "The instance type must not be empty");

const Certificate = tagged("type", {
  "lets-encrypt": object({ type: z.literal("lets-encrypt") }),
  acm: object({ type: z.literal("acm"), arn: field(parseText) }),
  "gcp-cm": object({ type: z.literal("gcp-cm"), name: field(parseText) }),
});

/** docs/spec/configuration.md §6. `default` and `load_balancer` are absent, not null, when unset. */
export const GatewayConfiguration = object({
  type: z.literal("gateway"),
  name: optionalField(parseText),
  default: optionalField(parseBoolean),
  backend: z.enum(BACKEND_TYPES),
  region: field(parseText),
  instance_type: optionalField(parseInstanceType),
  domain: optionalField(parseText),
  public_ip: field(parseBoolean).default(true),
  certificate: Certificate.nullable().default(() => ({ type: "lets-encrypt" as const })),
  load_balancer: orNull(object({ type: z.enum(["alb"]) })),
  replicas: optionalField(integerBetween(1)),
  tags: optionalField(parseTags),
}).transform(({ default: isDefault, load_balancer, ...gateway }) => ({
  ...gateway,
  ...(isDefault === null ? {} : { default: isDefault }),
  ...(load_balancer === null ? {} : { load_balancer }),
}));
export type GatewayConfiguration = z.infer<typeof GatewayConfiguration>;
