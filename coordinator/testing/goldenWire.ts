import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

// Reads testdata/golden/wire (see testdata/golden/README.md): what stock clients and the stock server said.

const DIR = join(import.meta.dir, "../../testdata/golden/wire");

const Exchange = z.object({
  request: z.object({
    method: z.string(),
    path: z.string(),
    headers: z.record(z.string(), z.string()),
    body: z.unknown(),
  }),
  response: z.object({
    status: z.number(),
    headers: z.record(z.string(), z.string()),
    body: z.unknown(),
  }),
});
export type Exchange = z.infer<typeof Exchange>;

const Command = z.object({ command: z.array(z.string()), exchanges: z.array(Exchange).default([]) });
const File = z.union([z.object({ commands: z.array(Command) }), Command]);

export const WIRE_FILES = readdirSync(DIR).map((file) => file.replace(/\.json$/, ""));

/** All exchanges of a file, in order. */
export const readWire = (
  name: string,
  /** Of the recording's machine, and what there is instead. */
  instead: Readonly<Record<string, string>> = {},
): Exchange[] => {
  let text = readFileSync(join(DIR, `${name}.json`), "utf8");
  for (const [there, here] of Object.entries(instead)) text = text.replaceAll(there, here);
  const file = File.parse(JSON.parse(text));
  return "commands" in file ? file.commands.flatMap((command) => command.exchanges) : file.exchanges;
};

const PLACEHOLDER = /^<[a-z0-9-]+>\n?$/;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Placeholders of a file, with what stands in their place here. */
export type Known = Map<string, string>;

/** What the placeholders of a request stand for; times are any. */
export const filled = (value: unknown, known: Known): unknown => {
  if (value === "<time>") return "2020-01-01T00:00:00.000000Z";
  if (typeof value === "string" && PLACEHOLDER.test(value)) return known.get(value) ?? value;
  if (Array.isArray(value)) return value.map((item) => filled(item, known));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, filled(item, known)]));
};

/** Where an answer is another than the recorded one. */
export interface WireDifference {
  /** `.jobs[].job_spec.env` */
  path: string;
  there: unknown;
  here: unknown;
}

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** A text with a placeholder within it: there anything may stand. */
const fits = (recorded: string, ours: string): boolean => {
  const parts = recorded.split(/<[a-z0-9-]+>/);
  return parts.length > 1 && new RegExp(`^${parts.map(escaped).join("[^]*")}$`).test(ours);
};

/** What is another thing each time that it is written. */
const ANY = /^<(?:time|ago|token)>$/;

/** The same placeholder is the same thing throughout a file: learns what that is, then holds it to it. */
const isPlaceheld = (recorded: string, ours: string, known: Known): boolean => {
  if (ANY.test(recorded)) return true;
  const before = known.get(recorded);
  if (before === undefined) known.set(recorded, ours);
  return before === undefined || before === ours;
};

/** Every value that is another one; keys that are null count as left out, as for clients. */
export const differencesOf = (
  there: unknown,
  here: unknown,
  { known, path = "" }: { known: Known; path?: string },
): WireDifference[] => {
  if (typeof there === "string" && typeof here === "string") {
    const isSame = PLACEHOLDER.test(there)
      ? isPlaceheld(there, here, known)
      : there === here || fits(there, here);
    return isSame ? [] : [{ path, there, here }];
  }
  if (Array.isArray(there) && Array.isArray(here)) {
    const items = there
      .slice(0, here.length)
      .flatMap((item, at) => differencesOf(item, here[at], { known, path: `${path}[]` }));
    const length = { path: `${path}.length`, there: there.length, here: here.length };
    return there.length === here.length ? items : [...items, length];
  }
  if (isObject(there) && isObject(here)) {
    const keys = [...new Set([...Object.keys(there), ...Object.keys(here)])];
    return keys.flatMap((key) =>
      differencesOf(there[key] ?? null, here[key] ?? null, { known, path: `${path}.${key}` }),
    );
  }
  return there === here ? [] : [{ path, there, here }];
};
