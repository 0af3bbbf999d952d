import type { RunSpec } from "../../shared/api/runs.ts";

/** Names of what a run specification holds, where the key alone would not be understood (docs/spec/cli.md §4). */
const NAMES: Partial<Record<keyof RunSpec, string>> = {
  repo_id: "Repo ID",
  repo_code_hash: "Repo files",
  repo_data: "Repo state (branch, commit, or other)",
  ssh_key_pub: "Public SSH key",
};

/** The name that is asked for and found, and what only the server knows to be the same. */
const IGNORED = new Set<string>(["run_name", "configuration", "profile"]);

/** What differs between the run there is and the one asked for, as a list for people; empty if nothing does. */
export const listChanges = (before: RunSpec, after: RunSpec): string[] => {
  const fields = Object.keys(after) as (keyof RunSpec)[];
  const plain = fields
    .filter((key) => !IGNORED.has(key) && !Bun.deepEquals(before[key], after[key]))
    .map((key) => `- ${NAMES[key] ?? capitalised(key)}`);
  return [...plain, ...configurationChanges(before, after), ...profileChanges(before, after)];
};

const configurationChanges = (
  { configuration: before }: RunSpec,
  { configuration: after }: RunSpec,
): string[] => {
  if (before.type !== after.type) return ["- Configuration type"];
  return nested("- Configuration properties:", differing(before, after));
};

const profileChanges = ({ profile: before }: RunSpec, { profile: after }: RunSpec): string[] => {
  if (before && after) return nested("- Profile properties:", differing(before, after));
  // One that says nothing is none.
  const [only] = [before, after].filter((each) => each !== null);
  const says =
    only &&
    Object.entries(only).some(([key, value]) => key !== "name" && key !== "default" && value !== null);
  return says ? ["- Profile"] : [];
};

const differing = (before: object, after: object): string[] => {
  const [old, fresh] = [before, after] as [Record<string, unknown>, Record<string, unknown>];
  const keys = new Set([...Object.keys(old), ...Object.keys(fresh)]);
  return [...keys].filter((key) => !Bun.deepEquals(old[key] ?? null, fresh[key] ?? null));
};

const nested = (title: string, names: readonly string[]): string[] =>
  names.length === 0 ? [] : [title, ...names.map((name) => `  - ${name}`)];

const capitalised = (key: string): string =>
  `${key.charAt(0).toUpperCase()}${key.slice(1).replaceAll("_", " ")}`;
