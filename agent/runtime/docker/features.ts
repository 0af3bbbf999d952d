import type Docker from "dockerode";
import type { ContainerCreateOptions } from "dockerode";
import { engineMessage } from "./client.ts";

/** What some engines or hosts do not have. */
export interface Features {
  /** An init for containers (docker-init, catatonit). */
  init: boolean;
  /** GPUs that can drive displays. */
  display: boolean;
  /** NVIDIA's runtime, which takes GPUs by their UUIDs; without it they are asked for as CDI describes them. */
  nvidiaRuntime: boolean;
  /** The runtime of Gaudi. */
  habanaRuntime: boolean;
  /** The log driver `local`; Podman has others. */
  localLog: boolean;
  /** Storage that can bound what a container writes. */
  diskQuota: boolean;
  /** A kernel and a cgroup in which CPU time can be bounded; rootless engines may have none. */
  cpuLimit: boolean;
  /** Limits above the engine's own; rootless engines cannot raise them. */
  ulimits: boolean;
}

export const allFeatures = (): Features => ({
  init: true,
  display: true,
  nvidiaRuntime: true,
  habanaRuntime: true,
  localLog: true,
  diskQuota: true,
  cpuLimit: true,
  ulimits: true,
});

/** The words are the engines' own: of Docker, Podman, runc, crun and the NVIDIA runtime. */
const WORDS: Record<keyof Features, RegExp> = {
  init: /docker-init|catatonit|container-init binary/,
  display: /\/dev\/nvidia-modeset/,
  nvidiaRuntime: /could not select device driver .*\[\[gpu|nvidia-container-runtime-hook/,
  habanaRuntime: /runtime.*\bhabana\b/i,
  localLog: /log(ging)? driver/i,
  diskQuota: /storage-opt|storage option|overlay\.size|quota/i,
  cpuLimit: /NanoCPUs can not be set|CPU CFS|cpu controller/i,
  ulimits: /rlimit|ulimit/i,
};

/**
 * What an engine lacks without ever refusing it: Podman takes a request for GPUs and leaves it out, silently, unless it
 * names them as CDI does. Asked before a job with devices, for an engine may be replaced by another.
 */
export const findSilentLacks = async (docker: Docker, features: Features): Promise<void> => {
  const { Components } = await docker.version();
  if (Components?.some(({ Name }) => /podman/i.test(Name))) features.nvidiaRuntime = false;
};

/** What a host may have got since it was found missing. */
export const hopeAgain = (features: Features): void => {
  features.nvidiaRuntime = true;
  features.habanaRuntime = true;
};

/** What an engine's refusal says that it lacks, of what was asked for; undefined: it is about something else. */
export const missingFeature = (err: unknown, spec: ContainerCreateOptions): keyof Features | undefined => {
  const said = engineMessage(err);
  const asked = askedFor(spec);
  const names = Object.keys(WORDS) as (keyof Features)[];
  return names.find((name) => asked[name] && WORDS[name].test(said));
};

const askedFor = ({ HostConfig: host = {} }: ContainerCreateOptions): Features => ({
  init: host.Init === true,
  display: (host.DeviceRequests ?? []).some(({ Capabilities = [] }) =>
    Capabilities.flat().includes("display"),
  ),
  nvidiaRuntime: (host.DeviceRequests ?? []).some(({ Driver }) => Driver !== "cdi"),
  habanaRuntime: host.Runtime === "habana",
  localLog: host.LogConfig !== undefined,
  diskQuota: host.StorageOpt !== undefined,
  cpuLimit: host.NanoCpus !== undefined,
  ulimits: host.Ulimits !== undefined,
});

/** What that means for the jobs of this host. */
export const WITHOUT: Record<keyof Features, string> = {
  init: "the command is process 1 of its container",
  display: "GPUs cannot drive displays",
  nvidiaRuntime: "NVIDIA GPUs are attached as CDI describes them",
  habanaRuntime: "the device nodes of Gaudi cards are handed over as they are",
  localLog: "the engine's own log driver keeps the output, for after a restart of the agent",
  diskQuota: "nothing bounds what a job writes",
  cpuLimit: "nothing bounds the CPU time of a part of the host",
  ulimits: "limits stay as the engine has them",
};
