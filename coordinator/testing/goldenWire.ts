import { readFileSync } from "node:fs";
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
  response: z.object({ status: z.number(), body: z.unknown() }),
});
export type Exchange = z.infer<typeof Exchange>;

const Command = z.object({ command: z.array(z.string()), exchanges: z.array(Exchange).default([]) });
const File = z.union([z.object({ commands: z.array(Command) }), Command]);

/** All exchanges of a file, in order. */
export const readWire = (name: string): Exchange[] => {
  const file = File.parse(JSON.parse(readFileSync(join(DIR, `${name}.json`), "utf8")));
  return "commands" in file ? file.commands.flatMap((command) => command.exchanges) : file.exchanges;
};

const PLACEHOLDER = /^<[a-z0-9-]+>\n?$/;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const kindOf = (value: unknown): string =>
  value === null ? "null" : Array.isArray(value) ? "list" : typeof value;

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

/**
 * Where an answer has another form than the recorded one: a key less (unless it is null there), or another type. Of
 * lists, as many items count as both have. Learns what placeholders stand for.
 */
export const differencesOf = (
  recorded: unknown,
  ours: unknown,
  { known, path = "" }: { known: Known; path?: string },
): string[] => {
  if (typeof recorded === "string" && PLACEHOLDER.test(recorded) && typeof ours === "string")
    known.set(recorded, ours);
  if (recorded === null || ours === null)
    return recorded === ours || MAY_BE_NULL.test(path)
      ? []
      : [`${path}: ${kindOf(recorded)} there, ${kindOf(ours)} here`];
  if (kindOf(recorded) !== kindOf(ours)) return [`${path}: ${kindOf(recorded)} there, ${kindOf(ours)} here`];
  if (Array.isArray(recorded) && Array.isArray(ours))
    // As far as both go: how many there are is the recording's own.
    return recorded
      .slice(0, ours.length)
      .flatMap((item, at) => differencesOf(item, ours[at], { known, path: `${path}[]` }));
  // The keys of an environment are its owner's.
  if (!isObject(recorded) || !isObject(ours) || path.endsWith(".env")) return [];
  return Object.keys(recorded).flatMap((key) =>
    key in ours
      ? differencesOf(recorded[key], ours[key], { known, path: `${path}.${key}` })
      : recorded[key] === null
        ? []
        : [`${path}.${key}: missing here`],
  );
};

/** What depends on the moment or on the host, and may be there or not. */
const MAY_BE_NULL =
  /\.(?:finished_at|actor_user_id|actor_user|is_actor_user_deleted|termination_reason|termination_reason_message|exit_status|job_provisioning_data|job_runtime_data|fleet|gpu_driver|cpu_arch|arch|error|image_pull_progress|job_connection_info|groups|max_price|current_resource|email|next_token|vendor|internal_ip|user|port|identity_file|configuration_path|placement)$/;
