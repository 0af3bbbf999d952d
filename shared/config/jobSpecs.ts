import type { AppSpec, JobRetry, JobSpec, MountPoint } from "../api/jobs.ts";
import type { RunSpec } from "../api/runs.ts";
import { AppError } from "../errors.ts";
import type { ResourcesSpec } from "../resources/spec.ts";
import { Refusal } from "../schema/refusal.ts";
import { integerOf } from "../schema/scalar.ts";
import { checkRun } from "./checkRun.ts";
import type { RunConfiguration } from "./configuration.ts";
import { afterDevCommands, beforeDevCommands } from "./devCommands.ts";
import { withServerDefaults } from "./effective.ts";
import { DEFAULT_IMAGES, type DefaultImages, imageName, setupPython } from "./image.ts";
import { interpolate } from "./interpolate.ts";
import { entrypointArgv, shellArgv } from "./jobCommands.ts";
import { type JobKind, kindsOf } from "./jobKinds.ts";
import { probesOf } from "./jobProbes.ts";
import type { Port } from "./ports.ts";
import { mergeProfile, type Placement, RETRY_EVENTS } from "./profile.ts";
import { requirementsOf } from "./requirements.ts";

/** What a registry tells about an image. */
export interface ImageConfig {
  entrypoint: readonly string[] | null;
  cmd: readonly string[] | null;
  user: string | null;
  /** More than one: whichever the instance has. */
  architectures: readonly ("x86" | "arm")[];
}

export interface JobSpecOptions {
  runName: string;
  replicaNum?: number;
  /** Of a service with groups: only the jobs of this one. */
  replicaGroup?: string;
  images?: DefaultImages;
  /** Python of the default image when none is configured. */
  defaultPython: string;
  /** Undefined: not known; then a job without commands gets none, and the runtime uses the image's own. */
  getImageConfig?: (image: string) => ImageConfig | undefined;
}

const RETRY_SECONDS = 3600;
const STOP_SECONDS = 300;
/** Where a run with `dstack: true` finds the server (docs/spec/agent.md §2.11). */
const SERVER_ACCESS = { DSTACK_SERVER_URL: "http+unix://%2Frun%2Fdstack%2Fserver.sock" };
/** Ports that agents keep for themselves. */
const isReserved = (port: number) => port >= 10_000 && port <= 10_999;

const appSpecs = (ports: readonly Port[]): AppSpec[] =>
  ports
    .filter(({ container_port }) => !isReserved(container_port))
    .map(({ container_port, local_port }, index) => ({
      port: container_port,
      map_to_port: local_port,
      app_name: `app_${index}`,
      url_path: null,
      url_query_params: null,
    }));

const retryOf = (retry: Placement["retry"]): JobRetry | null => {
  if (!retry) return null;
  const { on_events, duration } = retry === true ? { on_events: null, duration: null } : retry;
  return { on_events: on_events ?? [...RETRY_EVENTS], duration: duration ?? RETRY_SECONDS };
};

const userOf = (user: string | null): JobSpec["user"] => {
  if (!user) return null;
  const [name = "", group] = user.split(":");
  const uid = integerOf(name);
  const gid = group === undefined ? undefined : integerOf(group);
  return {
    uid: uid ?? null,
    gid: gid ?? null,
    username: uid === undefined ? name : null,
    groupname: group !== undefined && gid === undefined ? group : null,
  };
};

const envOf = (env: RunConfiguration["env"]): Record<string, string> =>
  Object.fromEntries(
    Object.entries(env).map(([name, value]) => {
      if (typeof value === "string") return [name, value];
      throw new AppError("invalid", `The variable ${name} has no value`, {
        hint: `Set ${value.key} in the environment, or give -e ${name}=…`,
      });
    }),
  );

const mountName = (name: string, jobNum: number): string => {
  const number = String(jobNum);
  try {
    return interpolate(name, { dstack: { node_rank: number, job_num: number } });
  } catch (err) {
    if (err instanceof Refusal) throw new AppError("invalid", `volumes: ${err.message}`);
    throw err;
  }
};

const mountsOf = (mounts: RunConfiguration["volumes"], jobNum: number): MountPoint[] =>
  mounts.map((mount) => {
    if (!("name" in mount)) return mount;
    return { name: [mount.name].flat().map((name) => mountName(name, jobNum)), path: mount.path };
  });

const commandsOf = (
  configuration: RunConfiguration,
  kind: JobKind,
  options: JobSpecOptions,
  image: ImageConfig | undefined,
): string[] => {
  if (configuration.entrypoint !== null) {
    // Commands of a service's groups do not count beside its entrypoint (docs/spec/configuration.md §4.3).
    const own = configuration.type === "dev-environment" ? [] : configuration.commands;
    return entrypointArgv(configuration.entrypoint, own);
  }
  const commands =
    configuration.type === "dev-environment"
      ? [
          beforeDevCommands(configuration),
          ...configuration.setup,
          ...configuration.init,
          afterDevCommands(configuration, options.runName),
        ]
      : kind.commands;
  if (commands.length === 0) return imageCommands(kind, image);
  const ownImage = Boolean(kind.image) && !kind.docker;
  const prefix = kind.docker
    ? ["start-dockerd"]
    : ownImage
      ? []
      : [setupPython(kind.python ?? options.defaultPython)];
  const shell = configuration.shell ?? (ownImage ? "sh" : "bash");
  return shellArgv(shell, [...prefix, ...commands]);
};

const imageCommands = (kind: JobKind, image: ImageConfig | undefined): string[] => {
  if (!image) return [];
  const own = [...(image.entrypoint ?? []), ...(image.cmd ?? [])];
  if (own.length > 0) return own;
  throw new AppError(
    "invalid",
    `The image "${kind.image}" has nothing to run: neither entrypoint nor command`,
    {
      hint: "Give commands or an entrypoint",
    },
  );
};

const withArch = (kind: JobKind, image: ImageConfig | undefined): ResourcesSpec => {
  const { cpu } = kind.resources;
  if (cpu.arch) return kind.resources;
  const [only, ...others] = kind.image && !kind.docker ? (image?.architectures ?? []) : (["x86"] as const);
  return { ...kind.resources, cpu: { ...cpu, arch: only && others.length === 0 ? only : null } };
};

/**
 * The jobs of one replica: for a task one per node, for a service one (of every group, or of `replicaGroup`). Throws
 * `AppError` where a job cannot be made of the configuration.
 */
export const getJobSpecs = (spec: RunSpec, options: JobSpecOptions): JobSpec[] => {
  const { runName, replicaNum = 0, images = DEFAULT_IMAGES } = options;
  checkRun(spec.configuration, spec.profile);
  const configuration = withServerDefaults(spec.configuration);
  const placement = mergeProfile(spec.profile, configuration);
  const kinds = kindsOf(configuration, placement, options.replicaGroup);
  const perReplica = configuration.type === "task" ? kinds.reduce((sum, { count }) => sum + count, 0) : 1;

  const jobOf = (kind: JobKind, jobNum: number, index: number): JobSpec => {
    const ownImage = kind.docker ? null : kind.image;
    const image = ownImage ? options.getImageConfig?.(ownImage) : undefined;
    const { max_duration, stop_duration, utilization_policy } = kind.placement;
    return {
      replica_num: replicaNum,
      job_num: jobNum,
      job_name: `${runName}-${jobNum}-${replicaNum}`,
      jobs_per_replica: perReplica,
      replica_group: kind.replica_group,
      app_specs: appSpecs(kind.ports),
      user: userOf(configuration.user ?? image?.user ?? null),
      commands: commandsOf(configuration, kind, options, image),
      env: { ...(configuration.dstack ? SERVER_ACCESS : {}), ...envOf(configuration.env) },
      home_dir: configuration.home_dir,
      image_name: imageName(kind, images),
      privileged: kind.privileged || kind.docker === true,
      single_branch: configuration.single_branch ?? configuration.type !== "dev-environment",
      max_duration: max_duration === "off" ? null : max_duration,
      stop_duration: stop_duration === "off" ? null : (stop_duration ?? STOP_SECONDS),
      utilization_policy,
      registry_auth: configuration.registry_auth,
      requirements: requirementsOf(withArch(kind, image), kind.placement, perReplica > 1),
      retry: retryOf(kind.placement.retry),
      volumes: mountsOf(configuration.volumes, jobNum),
      ssh_key: null,
      working_dir: configuration.working_dir,
      repo_data: spec.repo_data ?? { repo_type: "virtual" },
      repo_code_hash: spec.repo_code_hash,
      repo_dir: spec.repo_dir ?? "/workflow",
      repo_exists_action: configuration.repos[0]?.if_exists ?? null,
      file_archives: spec.file_archives,
      service_port: configuration.type === "service" ? configuration.port.container_port : null,
      probes: configuration.type === "service" ? probesOf(configuration, kind.replica_group) : [],
      node_group_index: kind.node_group_index,
      node_group_name: kind.node_group_name,
      node_group_job_index: index,
    };
  };

  let jobNum = 0;
  return kinds.flatMap(({ kind, count }) =>
    Array.from({ length: count }, (_, index) =>
      configuration.type === "service" ? jobOf(kind, 0, 0) : jobOf(kind, jobNum++, index),
    ),
  );
};
