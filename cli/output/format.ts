import { choice, flag } from "../args/option.ts";
import { UsageError } from "../args/parse.ts";
import type { Output } from "../context.ts";
import { printJson, printJsonLine } from "./json.ts";

const FORMATS = ["plain", "wide", "json", "yaml"] as const;
export type Format = (typeof FORMATS)[number];

/** Of every command that shows a table. */
export const formatOptions = {
  output: choice("-o, --output FORMAT", "plain, wide, json or yaml", FORMATS),
  json: flag("--json", "The same as -o json"),
};

/** Of every command that shows one thing as data. */
export const dataOptions = {
  output: choice("-o, --output FORMAT", "json or yaml", ["json", "yaml"]),
  json: flag("--json", "The same as -o json"),
};

export interface FormatWish {
  readonly output: Format | undefined;
  readonly json: boolean;
  /** The stock client's spelling. */
  readonly format?: "plain" | "json" | undefined;
  /** The stock client's word for wide. */
  readonly verbose?: boolean;
}

export const formatOf = ({ output, json, format, verbose }: FormatWish): Format => {
  if (json) return "json";
  if (output !== undefined && output !== "plain") return output;
  if (format === "json") return format;
  return verbose ? "wide" : "plain";
};

export const isData = (format: Format): format is "json" | "yaml" => format === "json" || format === "yaml";

/** Of a `get`: a form must be named, so that another one may become the default one day (docs/spec/cli.md §3.7). */
export const dataFormatOf = ({ output, json }: Pick<FormatWish, "output" | "json">): "json" | "yaml" => {
  if (json) return "json";
  if (output === "json" || output === "yaml") return output;
  throw new UsageError("the following arguments are required: --json");
};

/** What lists print for programs: JSON on one line (docs/spec/cli.md §8). */
export const printData = (out: Output, format: "json" | "yaml", value: unknown): Promise<void> | void =>
  format === "json" ? printJsonLine(out, value) : printYaml(out, value);

/** The same of one thing: JSON that people read. */
export const printOne = (out: Output, format: "json" | "yaml", value: unknown): Promise<void> | void =>
  format === "json" ? printJson(out, value) : printYaml(out, value);

const printYaml = async (out: Output, value: unknown): Promise<void> => {
  const { stringify } = await import("yaml");
  // For readers of YAML 1.1, of which there are many: a text that they would take for a time or a number is quoted.
  out.write(stringify(value, { version: "1.1", lineWidth: 0, aliasDuplicateObjects: false }));
};
