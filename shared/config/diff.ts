import type { RunSpec } from "../api/runs.ts";
import type { RunConfiguration } from "./configuration.ts";
import { type Difference, differing, isSame, nested } from "./difference.ts";
import { serviceEffects } from "./serviceDiff.ts";

/** Names of what a run specification holds, where the key alone would not be understood (docs/spec/cli.md §4). */
const NAMES: Partial<Record<keyof RunSpec, string>> = {
  repo_id: "Repo ID",
  repo_code_hash: "Repo files",
  repo_data: "Repo state (branch, commit, or other)",
  ssh_key_pub: "Public SSH key",
};

/** The name is what is asked for and found. The other two are compared property by property. */
const APART: ReadonlySet<string> = new Set(["run_name", "configuration", "profile"]);

/** Only says where the file lay. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set(["configuration_path"]);

/** Contents of the working directory: a service's replicas are replaced one by one. */
const CONTENTS: ReadonlySet<string> = new Set([
  "repo_data",
  "repo_code_hash",
  "file_archives",
  "working_dir",
]);

/** The image's architecture is no longer asked for: the one there is fits. */
const onlyDropsArch = (before: RunConfiguration, after: RunConfiguration): boolean => {
  const { cpu, ...rest } = before.resources;
  const { cpu: wanted, ...others } = after.resources;
  return wanted.arch === null && isSame(cpu.count, wanted.count) && isSame(rest, others);
};

const configurationChanges = (before: RunSpec, after: RunSpec): Difference[] => {
  const [old, wanted] = [before.configuration, after.configuration];
  if (old.type !== wanted.type) return [{ field: "configuration", property: "type", effect: "restart" }];
  const ofService = serviceEffects(before, after);
  return differing(old, wanted).map((property) => {
    const change = { field: "configuration", property } as const;
    if (property === "priority") return { ...change, effect: "none" };
    if (property === "files" && isSame(before.file_archives, after.file_archives)) {
      return { ...change, effect: "none" };
    }
    if (property === "resources" && onlyDropsArch(old, wanted)) return { ...change, effect: "none" };
    if (property === "inactivity_duration") return { ...change, effect: "none" };
    return { ...change, effect: ofService(property) ?? "restart" };
  });
};

/** A profile that sets nothing is none. */
const isEmpty = (profile: object | null): boolean =>
  Object.entries(profile ?? {}).every(
    ([key, value]) => key === "name" || key === "default" || value === null || value === undefined,
  );

const profileChanges = ({ profile: before }: RunSpec, { profile: after }: RunSpec): Difference[] => {
  if (before && after) {
    return differing(before, after).map((property) => ({ field: "profile", property, effect: "restart" }));
  }
  return isEmpty(before) && isEmpty(after) ? [] : [{ field: "profile", effect: "restart" }];
};

/**
 * What differs between the run there is and the one asked for, and what each change takes (docs/spec/configuration.md
 * §10). Both have the server's defaults.
 */
export const diffRuns = (before: RunSpec, after: RunSpec): Difference[] => {
  const ofService = serviceEffects(before, after);
  const plain = differing(before, after)
    .filter((field) => !APART.has(field))
    .map((field): Difference => {
      if (WITHOUT_EFFECT.has(field)) return { field, effect: "none" };
      return { field, effect: (CONTENTS.has(field) && ofService("files")) || "restart" };
    });
  return [...plain, ...configurationChanges(before, after), ...profileChanges(before, after)];
};

/** Whether the run can go on, with the new specification in place of its own. */
export const isUpdatable = (changes: readonly Difference[]): boolean =>
  changes.every(({ effect }) => effect !== "restart");

const capitalised = (key: string): string =>
  `${key.charAt(0).toUpperCase()}${key.slice(1).replaceAll("_", " ")}`;

/** The changes as the list that a plan shows; empty if there are none. */
export const describeChanges = (changes: readonly Difference[]): string[] => {
  const of = (field: string) =>
    changes.flatMap((change) =>
      change.field === field && change.property !== undefined ? [change.property] : [],
    );
  const own = changes.filter(({ property }) => property === undefined);
  const names = NAMES as Readonly<Record<string, string>>;
  const properties = of("configuration");
  return [
    ...own
      .filter(({ field }) => field !== "profile")
      .map(({ field }) => `- ${names[field] ?? capitalised(field)}`),
    ...(properties.includes("type")
      ? ["- Configuration type"]
      : nested("- Configuration properties:", properties)),
    ...own.filter(({ field }) => field === "profile").map(() => "- Profile"),
    ...nested("- Profile properties:", of("profile")),
  ];
};
