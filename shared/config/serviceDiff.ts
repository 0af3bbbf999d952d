import type { RunSpec } from "../api/runs.ts";
import { type Effect, isSame } from "./difference.ts";
import type { ReplicaGroup, ServiceConfiguration } from "./service.ts";

/** Concern how many replicas there are, and what is in front of them. */
const OUTSIDE: ReadonlySet<string> = new Set(["replicas", "scaling", "groups", "gateway"]);

/** What replicas are made of. */
const ROLLING = [
  "port",
  "probes",
  "resources",
  "volumes",
  "docker",
  "files",
  "image",
  "user",
  "privileged",
  "entrypoint",
  "working_dir",
  "python",
  "nvcc",
  "single_branch",
  "env",
  "shell",
  "commands",
] as const satisfies readonly (keyof ServiceConfiguration)[];

const groupsOf = ({ replicas }: ServiceConfiguration): readonly ReplicaGroup[] =>
  Array.isArray(replicas) ? replicas : [];

const routersOf = (service: ServiceConfiguration) =>
  groupsOf(service).flatMap(({ name, router }) => (router ? [{ name, type: router.type }] : []));

/** What a group's replicas are made of changes: they are replaced, and not only counted anew. */
const isRolled = (before: ServiceConfiguration, after: ServiceConfiguration): boolean =>
  groupsOf(after).some((group) => {
    const old = groupsOf(before).find(({ name }) => name === group.name);
    if (!old) return false;
    const { count: _count, scaling: _scaling, ...made } = group;
    const { count: _oldCount, scaling: _oldScaling, ...wasMade } = old;
    return !isSame(made, wasMade);
  });

/** A dynamo router knows its workers: it and what all groups share stay as they are. */
const disturbsDynamo = (
  { before, after }: { before: RunSpec; after: RunSpec },
  [old, wanted]: [ServiceConfiguration, ServiceConfiguration],
): boolean => {
  const isDynamo = ({ router }: ReplicaGroup) => router?.type === "dynamo";
  const router = groupsOf(old).find(isDynamo);
  if (!router) return false;
  return (
    !isSame(router, groupsOf(wanted).find(isDynamo)) ||
    ROLLING.some((key) => !isSame(old[key], wanted[key])) ||
    !isSame(before.repo_data, after.repo_data) ||
    !isSame(before.repo_code_hash, after.repo_code_hash) ||
    !isSame(before.file_archives, after.file_archives)
  );
};

/** What a change of each property of a service takes (docs/spec/configuration.md §10); of others it knows nothing. */
export const serviceEffects = (
  before: RunSpec,
  after: RunSpec,
): ((property: string) => Effect | undefined) => {
  const [old, wanted] = [before.configuration, after.configuration];
  if (old.type !== "service" || wanted.type !== "service") return () => undefined;
  const isRefused =
    !isSame(routersOf(old), routersOf(wanted)) || disturbsDynamo({ before, after }, [old, wanted]);
  const groupEffect: Effect = isRolled(old, wanted) ? "rolling" : "none";
  return (property) => {
    const isOutside = OUTSIDE.has(property);
    const isMade = (ROLLING as readonly string[]).includes(property);
    if (isRefused && (isMade || property === "replicas" || property === "groups")) return "restart";
    if (isMade) return "rolling";
    if (isOutside) return property === "replicas" ? groupEffect : "none";
    // Unset means true.
    if (property === "https" && (old.https ?? true) === (wanted.https ?? true)) return "none";
    return undefined;
  };
};
