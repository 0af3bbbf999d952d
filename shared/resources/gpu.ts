import type { z } from "zod";
import { field, object, optionalField } from "../schema/field.ts";
import { accepts, anyCase, either, formOf, type JsonSchema, listOf, TEXT } from "../schema/form.ts";
import { refuse, under } from "../schema/refusal.ts";
import {
  booleanOf,
  IntegralFloat,
  isMapping,
  nounOf,
  parseInteger,
  parseText,
  quote,
} from "../schema/scalar.ts";
import { parseMemoryRange, printMemory } from "./memory.ts";
import { parseIntegerRange, printRange } from "./range.ts";

export type GpuVendor = "nvidia" | "amd" | "google" | "intel" | "tenstorrent";

const VENDORS: Record<string, GpuVendor> = {
  nvidia: "nvidia",
  amd: "amd",
  google: "google",
  tpu: "google",
  intel: "intel",
  tenstorrent: "tenstorrent",
  tt: "tenstorrent",
};

const vendorOf = (text: string): GpuVendor | undefined => {
  const word = text.toLowerCase();
  return Object.hasOwn(VENDORS, word) ? VENDORS[word] : undefined;
};

const parseVendor = accepts(
  { title: "vendor", type: "string", pattern: anyCase(Object.keys(VENDORS)) },
  (input: unknown): GpuVendor =>
    (typeof input === "string" ? vendorOf(input) : undefined) ??
    refuse(
      "invalid_value",
      `Unknown GPU vendor ${quote(input)}: expected one of ${Object.keys(VENDORS).join(", ")}`,
    ),
);

/** TPU names were once written with this prefix. */
const parseName = (input: unknown): string => parseText(input).replace(/^tpu-/i, "");

const parseNames = accepts(either("text or list", TEXT, listOf(TEXT)), (input: unknown): string[] =>
  Array.isArray(input)
    ? input.map((item, index) => under([index], () => parseName(item)))
    : [parseName(input)],
);

const CAPABILITY = either(
  "version",
  { type: "number" },
  { type: "string", pattern: "^\\s*[+-]?\\d+\\.\\d+\\s*$" },
  { type: "array", items: formOf(parseInteger) as JsonSchema, minItems: 2, maxItems: 2 },
);

const parseCapability = accepts(CAPABILITY, (input: unknown): [number, number] => {
  if (Array.isArray(input)) {
    const [major, minor] = input.map((part: unknown, index) => under([index], () => parseInteger(part)));
    if (input.length === 2 && major !== undefined && minor !== undefined) return [major, minor];
    return refuse("invalid_value", `Expected a major and a minor number, got ${quote(input)}`);
  }
  const isText = typeof input === "string" || typeof input === "number" || input instanceof IntegralFloat;
  const [, major, minor] = /^\s*([+-]?\d+)\.(\d+)\s*$/.exec(isText ? parseText(input) : "") ?? [];
  if (major !== undefined && minor !== undefined) return [Number(major), Number(minor)];
  return refuse("invalid_value", `Expected a compute capability like 8.6, got ${nounOf(input)}`);
});

type TokenKey = "vendor" | "name" | "memory" | "count";

/** The first rule that fits decides (docs/spec/configuration.md §1.3). */
const classify = (token: string): TokenKey => {
  if (vendorOf(token)) return "vendor";
  if (/^\p{L}/u.test(token)) return "name";
  return /\p{L}/u.test(token) ? "memory" : "count";
};

const NOUNS: Record<TokenKey, string> = {
  vendor: "vendors",
  name: "names (write several as A100,H100)",
  memory: "memory sizes",
  count: "counts",
};

const mappingOfText = (text: string): Record<string, unknown> => {
  const spec: Record<string, unknown> = {};
  for (const token of text.replaceAll(" ", "").split(":")) {
    if (token === "")
      return refuse("invalid_value", `Nothing between or beside ":" in the GPU spec ${quote(text)}`);
    const key = classify(token);
    if (key in spec) return refuse("conflict", `The GPU spec ${quote(text)} gives two ${NOUNS[key]}`);
    const names = token.split(",");
    if (key === "name" && names.includes("")) {
      return refuse("invalid_value", `A name is missing beside "," in the GPU spec ${quote(text)}`);
    }
    spec[key] = key === "name" ? names : token;
  }
  return spec;
};

const toMapping = (input: unknown): unknown => {
  if (isMapping(input)) return input;
  if (typeof input === "string") return mappingOfText(input);
  if (typeof input === "number" && Number.isInteger(input)) return { count: input };
  if (typeof input === "boolean") return { name: [booleanOf(input) ? "True" : "False"] };
  return refuse("wrong_type", `Expected a GPU spec like H100:8 or 24GB.., got ${nounOf(input)}`);
};

/** `{vendor, name, count, memory, …}`, from `2`, `A100,H100:80GB:2..4`, `nvidia:24GB..`. */
export const GpuSpec = object(
  {
    vendor: optionalField(parseVendor),
    name: optionalField(parseNames),
    count: field(parseIntegerRange).default(() => ({ min: 1, max: null })),
    memory: optionalField(parseMemoryRange),
    total_memory: optionalField(parseMemoryRange),
    compute_capability: optionalField(parseCapability),
  },
  {
    from: toMapping,
    shorthand: {
      title: "GPU spec",
      type: ["integer", "string", "boolean"],
      pattern: "^[^:]+(:[^:]+)*$",
      examples: ["H100:8", "A100,H100:80GB:2..4", "nvidia:24GB..", "2"],
    },
    about: {
      vendor:
        "`nvidia`, `amd`, `google` (also `tpu`), `intel` or `tenstorrent` (also `tt`). Unset, it follows from the names, and for the default image it is `nvidia`.",
      name: "Model names, in any case; one of them is enough. A single text is one name.",
      count: "How many, or a range.",
      memory: "Memory of each GPU, or a range.",
      total_memory: "Memory of all GPUs together, or a range.",
      compute_capability: "The least compute capability, like `8.6`.",
    },
  },
);
export type GpuSpec = z.infer<typeof GpuSpec>;

/** What stands for a `gpu` property that is left out: any number, also none. */
export const anyGpu = (): GpuSpec => ({
  vendor: null,
  name: null,
  count: { min: 0, max: null },
  memory: null,
  total_memory: null,
  compute_capability: null,
});

/** Text that parses to this spec, without total memory and capability, for which there is no token. */
export const printGpu = ({ vendor, name, count, memory }: GpuSpec): string =>
  [vendor, name?.join(","), memory && printRange(memory, printMemory), printRange(count)]
    .filter(Boolean)
    .join(":");
