import { z } from "zod";
import { durationFrom, parseDuration } from "../resources/duration.ts";
import { endsOf, parseIntegerRange, type Range } from "../resources/range.ts";
import { field, object, optionalField, orNull, type Report } from "../schema/field.ts";
import { accepts, either, formOf, type JsonSchema, reference, TEXT } from "../schema/form.ts";
import { refuse } from "../schema/refusal.ts";
import {
  integerBetween,
  isMapping,
  NUMBER,
  parseBoolean,
  parseNumber,
  parseText,
  quote,
} from "../schema/scalar.ts";
import { tagged } from "../schema/union.ts";

const END = formOf(integerBetween(0)) as JsonSchema;
const REPLICAS = either(
  "integer or range",
  END,
  { type: "string", pattern: "^ *(\\d[\\d_]*)? *\\.\\. *\\d[\\d_]* *$", examples: ["1..4"] },
  {
    type: "object",
    properties: { min: { anyOf: [END, { type: "null" }] }, max: END },
    required: ["max"],
    additionalProperties: false,
  },
);

/** A number of replicas: an upper end is required, a missing lower one is 0. */
export const parseReplicas = accepts(REPLICAS, (input: unknown): Range => {
  const { max } = endsOf(input);
  const range = parseIntegerRange(input);
  if (max === null || range.max === null)
    return refuse("missing", "The number of replicas needs an upper end");
  const min = range.min ?? 0;
  if (min < 0) return refuse("out_of_range", `The number of replicas cannot be negative, got ${min}`);
  return min > range.max
    ? refuse("out_of_range", `The number of replicas cannot be negative`)
    : { min, max: range.max };
});

const parsePositive = accepts({ ...NUMBER, exclusiveMinimum: 0 }, (input: unknown): number => {
  const value = parseNumber(input);
  return value > 0 ? value : refuse("out_of_range", `Expected a number above 0, got ${value}`);
});

const WINDOWS = [30, 60, 300];

const parseWindow = accepts(formOf(parseDuration) ?? {}, (input: unknown): number => {
  const seconds = parseDuration(input);
  if (WINDOWS.includes(seconds)) return seconds;
  return refuse("invalid_value", `Expected 30s, 1m or 5m, got ${quote(input)}`);
});

export const Scaling = object(
  {
    metric: z.enum(["rps"]),
    target: field(parsePositive),
    window: optionalField(parseWindow),
    scale_up_delay: field(parseDuration).default(300),
    scale_down_delay: field(parseDuration).default(600),
  },
  {
    about: {
      metric: "What is counted: `rps`, requests a second.",
      target: "How much of it one replica is to bear.",
      window: "Over which time it is averaged: `30s`, `1m` or `5m`. Unset: 1m.",
      scale_up_delay: "How long to wait before another replica.",
      scale_down_delay: "How long to wait before one replica less.",
    },
  },
);
export type Scaling = z.infer<typeof Scaling>;

/** A varying number of replicas needs `scaling`, a fixed one forbids it. */
export const checkScaling = (replicas: Range, scaling: Scaling | null, report: Report) => {
  const varies = replicas.min !== replicas.max;
  if (varies && !scaling) report("missing", "A range of replicas needs scaling");
  if (!varies && scaling) report("conflict", "scaling needs a range of replicas, like 1..4");
};

/** A string stands for an OpenAI-compatible chat model. */
const modelMapping = (input: unknown): unknown =>
  isMapping(input) ? input : { type: "chat", name: textOnly(input), format: "openai" };

const textOnly = (input: unknown): string =>
  typeof input === "string"
    ? input
    : refuse("wrong_type", `Expected a model's name or a mapping, got ${quote(input)}`);

const modelFields = { type: z.enum(["chat"]).default("chat"), name: field(parseText) };

const aboutModel = {
  type: "`chat`",
  name: "The model's name.",
  format: "How the model is spoken to: `openai` or `tgi`.",
};

export const Model = accepts(
  { title: "model", type: "string", examples: ["meta-llama/Llama-3.1-8B-Instruct"] },
  z.preprocess(
    (input: unknown, ctx) => {
      if (isMapping(input) || typeof input === "string") return modelMapping(input);
      const message = `Expected a model's name or a mapping, got ${quote(input)}`;
      ctx.addIssue({ code: "custom", message, params: { kind: "wrong_type" }, continue: false });
      return z.NEVER;
    },
    tagged("format", {
      openai: object(
        { ...modelFields, format: z.literal("openai"), prefix: field(parseText).default("/v1") },
        { about: { ...aboutModel, prefix: "The path that its API begins with." } },
      ),
      tgi: object(
        {
          ...modelFields,
          format: z.literal("tgi"),
          chat_template: optionalField(parseText),
          eos_token: optionalField(parseText),
        },
        {
          about: {
            ...aboutModel,
            chat_template: "How messages become text. Unset, the model hub is asked.",
            eos_token: "What ends a text. Unset, the model hub is asked.",
          },
        },
      ),
    }),
  ),
);
export type Model = z.infer<typeof Model>;

const parsePrefix = accepts(
  { title: "path", type: "string", pattern: "^/[^\\s\\\\{}]*$", maxLength: 4094 },
  (input: unknown): string => {
    const prefix = parseText(input);
    if (/^\/[^\s\\{}]*$/.test(prefix) && prefix.length <= 4094) return prefix;
    return refuse(
      "invalid_value",
      `Expected a path that begins with / and has no spaces, \\, { or }, got ${quote(prefix)}`,
    );
  },
);

const parseHeaderName = accepts({ ...TEXT, pattern: "^[a-zA-Z0-9_-]{1,500}$" }, (input: unknown): string => {
  const name = parseText(input);
  if (/^[a-zA-Z0-9_-]{1,500}$/.test(name)) return name;
  return refuse("invalid_value", `Expected a header name of letters, digits, - and _, got ${quote(name)}`);
});

const MAX_RPS = 153_722_867_280_912_930;

const parseRps = accepts({ ...NUMBER, minimum: 1 / 60, maximum: MAX_RPS }, (input: unknown): number => {
  const rps = parseNumber(input);
  if (rps >= 1 / 60 && rps <= MAX_RPS) return rps;
  return refuse("out_of_range", `Expected at least one request a minute (0.0167), got ${rps}`);
});

export const RateLimit = object(
  {
    prefix: field(parsePrefix).default("/"),
    key: tagged("type", {
      ip_address: object({ type: z.literal("ip_address") }, { about: { type: "By the caller's address." } }),
      header: object(
        { type: z.literal("header"), header: field(parseHeaderName) },
        { about: { type: "By a header.", header: "Its name." } },
      ),
    }).default(() => ({ type: "ip_address" as const })),
    rps: field(parseRps),
    burst: field(integerBetween(0)).default(0),
  },
  {
    about: {
      prefix: "Paths that it holds for.",
      key: "What callers are told apart by: their address, or a header.",
      rps: "Requests a second that are let through.",
      burst: "How many more may come at once.",
    },
  },
);
export type RateLimit = z.infer<typeof RateLimit>;

const textOf = (min: number, max: number) =>
  accepts({ ...TEXT, minLength: min, maxLength: max }, (input: unknown): string => {
    const text = parseText(input);
    const count = [...text].length;
    if (count >= min && count <= max) return text;
    return refuse("out_of_range", `Expected ${min} to ${max} characters, got ${count}`);
  });

const parseProbeUrl = accepts(
  { title: "path", type: "string", pattern: "^/", maxLength: 2048 },
  (input: unknown): string => {
    const url = textOf(0, 2048)(input);
    if (!url.startsWith("/"))
      return refuse("invalid_value", `Expected a path that begins with /, got ${quote(url)}`);
    // As Python's str.isprintable: of the separators only the plain space.
    if (/[\p{C}\p{Z}]/u.test(url.replaceAll(" ", ""))) {
      return refuse("invalid_value", `The path has characters that cannot be printed: ${quote(url)}`);
    }
    return url;
  },
);

/** As configured: null where a default holds (docs/spec/configuration.md §4.3). */
export const ProbeConfiguration = object(
  {
    type: z.enum(["http"]),
    url: optionalField(parseProbeUrl),
    method: orNull(z.enum(["get", "post", "put", "delete", "patch", "head"])),
    headers: z
      .array(
        object(
          { name: field(textOf(1, 256)), value: field(textOf(1, 2048)) },
          { about: { name: "Its name.", value: `Its value. May refer to ${reference("env.NAME")}.` } },
        ),
      )
      .max(16, "Expected at most 16 headers")
      .default(() => []),
    body: optionalField(textOf(1, 2048)),
    timeout: optionalField(durationFrom(1)),
    interval: optionalField(durationFrom(1)),
    ready_after: optionalField(integerBetween(1)),
    until_ready: optionalField(parseBoolean),
  },
  {
    about: {
      type: "`http`",
      url: `The path that is asked for. May refer to ${reference("env.NAME")}. Unset: \`/\`.`,
      method: "Unset: `get`.",
      headers: "Headers of the request.",
      body: `Body of the request; not with \`get\` and \`head\`. May refer to ${reference("env.NAME")}.`,
      timeout: "How long to wait for the answer, at most `5m`. Unset: 10s.",
      interval: "How long from one probe to the next. Unset: 15s.",
      ready_after: "After how many good answers in a row a replica is ready. Unset: 1.",
      until_ready: "Whether to stop asking once it is ready. Unset: no.",
    },
    rules: ({ method, body }, report) => {
      if (body !== null && (method === "get" || method === "head")) {
        report("conflict", `A probe by ${method} has no body: use post, or leave the body out`);
      }
    },
  },
);
export type ProbeConfiguration = z.infer<typeof ProbeConfiguration>;
