import { existsSync, statSync } from "node:fs";
import type { ContainerCreateOptions, HostConfig, MountSettings } from "dockerode";
import type { Assignment } from "../../../shared/protocol/assignment.ts";
import type { Features } from "./features.ts";
import { attachGpus, device } from "./gpuAttachment.ts";
import type { DockerSettings, Ulimit } from "./settings.ts";

/** By which the agent finds a submission's container again. */
export const SUBMISSION_LABEL = "dstack.submission-id";
/** On what else the agent creates for a submission: never started. */
export const HELPER_LABEL = "dstack.helper";

export interface SpecOptions {
  /** As resolved: absolute. */
  workingDir: string;
  repoDir?: string;
  /** The job user's; absent: the engine finds out itself, where the image does not set another one. */
  home?: string | undefined;
  /** Host folders and files, targets absolute. */
  mounts: readonly { source: string; target: string }[];
  settings: DockerSettings;
  /** What this engine and this host have. */
  features: Features;
}

/** Readable in `docker ps`, and one per submission: the engine refuses a second one. */
export const containerName = ({ job_name, submission_id }: Assignment): string =>
  `${job_name.replace(/[^\w.-]/g, "-")}-${submission_id}`;

/** Everything that `POST /containers/create` needs (docs/spec/agent.md §2.4). */
export const containerSpec = (assignment: Assignment, options: SpecOptions): ContainerCreateOptions => {
  const { settings, features } = options;
  const gpus = attachGpus(assignment.gpu_ids, { ...features, privileged: assignment.privileged });
  const { HOME: _ofTheCoordinator, ...jobEnv } = assignment.env;
  const env = {
    ...settings.passEnv,
    ...gpus.env,
    ...jobEnv,
    ...(options.home ? { HOME: options.home } : {}),
    DSTACK_WORKING_DIR: options.workingDir,
    ...(options.repoDir === undefined ? {} : { DSTACK_REPO_DIR: options.repoDir }),
  };
  const hasInfiniband = existsSync("/dev/infiniband");
  const pinsMemory = hasInfiniband || gpus.pinsMemory || assignment.privileged;
  const devices = [...(gpus.host.Devices ?? []), ...(hasInfiniband ? [device("/dev/infiniband")] : [])];
  return {
    name: containerName(assignment),
    Image: assignment.image ?? "",
    ...(assignment.argv.length > 0 ? { Entrypoint: assignment.argv, Cmd: [] } : {}),
    Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    WorkingDir: options.workingDir,
    ...(assignment.user ? { User: assignment.user } : {}),
    Labels: {
      [SUBMISSION_LABEL]: assignment.submission_id,
      "dstack.run-name": assignment.run_name,
      "dstack.project-name": assignment.project_name,
    },
    Tty: true,
    // The terminal's keyboard: the interrupt of a stop is typed on it.
    OpenStdin: true,
    HostConfig: {
      ...gpus.host,
      ...(devices.length > 0 ? { Devices: devices } : {}),
      ...deviceGroups(devices.map(({ PathOnHost }) => PathOnHost)),
      ...(features.ulimits ? ulimits(settings.ulimits, pinsMemory) : {}),
      // The image's own entrypoint may insist on being process 1 (s6, systemd); a job's shell must not be it: process 1
      // ignores signals, even its own `kill -9 $$`, and would have to collect others' orphans.
      ...(assignment.argv.length > 0 && features.init ? { Init: true } : {}),
      NetworkMode: assignment.network_mode,
      Privileged: assignment.privileged,
      ...temporaryFolders(assignment, settings),
      ...limits(assignment, features),
      ...(settings.diskGib && features.diskQuota ? { StorageOpt: { size: `${settings.diskGib}G` } } : {}),
      Mounts: [
        ...(gpus.host.Mounts ?? []),
        ...options.mounts.map(
          ({ source, target }): MountSettings => ({ Type: "bind", Source: source, Target: target }),
        ),
      ],
      ...(features.localLog ? { LogConfig: LOG } : {}),
      // That of the process runtime; engines before 23 leave a terminal without a size, which programs take for this.
      ConsoleSize: [24, 80],
    },
  };
};

/**
 * The engine's copy of the output, read after a restart of the agent. `local` keeps bytes as they are (`json-file`
 * replaces what is not UTF-8). It is large, because what was rotated away cannot be caught up with (output.ts), but
 * bounded: a job that prints without end must not fill the host's disk.
 */
const LOG = { Type: "local", Config: { "max-size": "4g", "max-file": "2", compress: "false" } };

/** For shared memory a tmpfs of our own too: the engine's is mounted noexec. */
const temporaryFolders = ({ shm_size_mib }: Assignment, { readOnly }: DockerSettings): HostConfig => {
  const bytes = shm_size_mib ? Math.round(shm_size_mib * 1024 ** 2) : undefined;
  const Tmpfs = {
    ...(bytes ? { "/dev/shm": `exec,size=${bytes}` } : {}),
    ...(readOnly ? { "/tmp": "exec,mode=1777", "/run": "exec,mode=755" } : {}),
  };
  return {
    ...(bytes ? { ShmSize: bytes } : {}),
    ...(readOnly ? { ReadonlyRootfs: true } : {}),
    ...(Object.keys(Tmpfs).length > 0 ? { Tmpfs } : {}),
  };
};

const limits = ({ cpus, memory_mib }: Assignment, features: Features): HostConfig => ({
  ...(cpus && features.cpuLimit ? { NanoCpus: Math.round(cpus * 1e9) } : {}),
  ...(memory_mib ? { Memory: memory_mib * 1024 ** 2 } : {}),
});

/** Libraries that talk to devices pin memory: RDMA needs it, and privileged jobs have it in the reference (§2.10). */
const ulimits = (wanted: readonly Ulimit[], pinsMemory: boolean): HostConfig => {
  const isGiven = wanted.some(({ Name }) => Name === "memlock");
  const all = [...wanted, ...(pinsMemory && !isGiven ? [{ Name: "memlock", Soft: -1, Hard: -1 }] : [])];
  return all.length > 0 ? { Ulimits: all } : {};
};

/** The host gives devices to groups (video, render), which a user of the image is not in. */
const deviceGroups = (paths: readonly string[]): HostConfig => {
  const groups = paths.flatMap((path) => {
    const gid = statSync(path, { throwIfNoEntry: false })?.gid ?? 0;
    return gid === 0 ? [] : [String(gid)];
  });
  return groups.length > 0 ? { GroupAdd: [...new Set(groups)] } : {};
};
