import type { z } from "zod";
import { field, object, optionalField } from "../schema/field.ts";
import { accepts, anyCase, either, formOf, type JsonSchema } from "../schema/form.ts";
import { refuse } from "../schema/refusal.ts";
import { isMapping, nounOf, parseText, quote } from "../schema/scalar.ts";
import { parseIntegerRange, printRange } from "./range.ts";

const ARCH = { title: "x86 or arm", type: "string", pattern: anyCase(["x86", "arm"]) };

const parseArch = accepts(ARCH, (input: unknown): "x86" | "arm" => {
  const arch = parseText(input).toLowerCase();
  if (arch === "x86" || arch === "arm") return arch;
  return refuse("invalid_value", `Unknown CPU architecture ${quote(input)}: expected x86 or arm`);
});

/** Tokens in any order: digits or a range are the count, everything else the architecture. */
const mappingOfText = (text: string): Record<string, unknown> => {
  const spec: Record<string, unknown> = {};
  for (const token of text.replaceAll(" ", "").split(":")) {
    if (token === "")
      return refuse("invalid_value", `Nothing between or beside ":" in the CPU spec ${quote(text)}`);
    const isCount = token.includes("..") || /^\p{Nd}+$/u.test(token);
    const key = isCount ? "count" : "arch";
    if (key in spec) {
      return refuse(
        "conflict",
        `The CPU spec ${quote(text)} gives two ${isCount ? "counts" : "architectures"}`,
      );
    }
    spec[key] = isCount ? token : parseArch(token);
  }
  return spec;
};

const toMapping = (input: unknown): unknown => {
  if (isMapping(input)) {
    const isRange = ("min" in input || "max" in input) && !("arch" in input || "count" in input);
    return isRange ? { count: input } : input;
  }
  if (typeof input === "string") return mappingOfText(input);
  if (typeof input === "number" && Number.isInteger(input)) return mappingOfText(String(input));
  return refuse("wrong_type", `Expected a CPU count like 4 or 2..8, or arm:4, got ${nounOf(input)}`);
};

const COUNT = formOf(parseIntegerRange) as JsonSchema;
const SHORTHAND = either(
  "CPU spec",
  {
    type: ["integer", "string"],
    pattern:
      "^ *([\\d ]+|[^:]*\\.\\.[^:]*|[xX]86|[aA][rR][mM]) *(: *([\\d ]+|[^:]*\\.\\.[^:]*|[xX]86|[aA][rR][mM]) *)?$",
    examples: ["4", "8..", "arm:4..8"],
  },
  COUNT,
);

/** `{arch, count}`, from `4`, `2..`, `arm:4`, `{min, max}` (docs/spec/configuration.md §1.3). */
export const CpuSpec = object(
  {
    arch: optionalField(parseArch),
    count: field(parseIntegerRange).default(() => ({ min: 2, max: null })),
  },
  {
    from: toMapping,
    shorthand: () => SHORTHAND,
    about: {
      arch: "The architecture: `x86` or `arm`. Unset, it is that of the image.",
      count: "How many CPUs, or a range.",
    },
  },
);
export type CpuSpec = z.infer<typeof CpuSpec>;

/** Text that parses to this spec. */
export const printCpu = ({ arch, count }: CpuSpec): string => {
  // A count with a sign would be read as an architecture; as a range it is not.
  const range = printRange(count);
  const text = /^\d+$/.test(range) || range.includes("..") ? range : `${range}..${range}`;
  return arch ? `${arch}:${text}` : text;
};
