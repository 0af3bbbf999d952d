import { existsSync } from "node:fs";
import type { DeviceRequest, HostConfig } from "dockerode";
import { StartError } from "../runtime.ts";

/** What attaching devices adds to a container (docs/spec/agent.md §2.5). */
export interface GpuAttachment {
  env: Record<string, string>;
  host: HostConfig;
  /** The devices' libraries pin memory of the host. */
  pinsMemory: boolean;
}

export interface AttachOptions {
  /** Whether NVIDIA GPUs can drive displays here. */
  display: boolean;
  /** Whether the engine has NVIDIA's runtime; otherwise its devices are named as CDI describes them. */
  nvidiaRuntime: boolean;
  /** Whether the engine has the runtime of Gaudi; otherwise its device nodes are handed over. */
  habanaRuntime: boolean;
  /** A container that sees every device of the host anyway. */
  privileged: boolean;
}

export const device = (path: string) => ({
  PathOnHost: path,
  PathInContainer: path,
  CgroupPermissions: "rwm",
});

/** `display` needs a device that headless hosts lack; without it everything else still works. */
const nvidiaCapabilities = (display: boolean): string[] => [
  "gpu",
  "utility",
  "compute",
  "graphics",
  "video",
  ...(display ? ["display"] : []),
  "compat32",
];

/**
 * The names that `nvidia-ctk cdi generate` gives, MIG slices' too (github.com/cncf-tags/container-device-interface).
 */
const nvidiaRequest = (ids: readonly string[], { display, nvidiaRuntime }: AttachOptions): DeviceRequest =>
  nvidiaRuntime
    ? {
        Driver: "",
        Count: 0,
        DeviceIDs: [...ids],
        Capabilities: [nvidiaCapabilities(display)],
        Options: {},
      }
    : {
        Driver: "cdi",
        Count: 0,
        DeviceIDs: ids.map((id) => `nvidia.com/gpu=${id}`),
        Capabilities: [],
        Options: {},
      };

const attachNvidia = (ids: readonly string[], options: AttachOptions): Partial<GpuAttachment> => ({
  env: {
    // What CDI puts in must not be put in by NVIDIA's hook once more.
    ...(options.nvidiaRuntime ? {} : { NVIDIA_VISIBLE_DEVICES: "void" }),
    ...(options.privileged ? { CUDA_VISIBLE_DEVICES: ids.join(",") } : {}),
  },
  host: { DeviceRequests: [nvidiaRequest(ids, options)] },
});

const attachAmd = (ids: readonly string[]): Partial<GpuAttachment> => ({
  host: {
    Devices: ["/dev/kfd", ...ids].map(device),
    IpcMode: "host",
    CapAdd: ["SYS_PTRACE"],
    SecurityOpt: ["seccomp=unconfined"],
  },
});

const numberIn = (id: string): string => /\d+$/.exec(id)?.[0] ?? "";

/** The node itself, and the one beside it by which the card is managed. */
const gaudiNodes = (id: string): string[] => [
  id,
  id.replace(/accel(\d+)$/, "accel_controlD$1").replace(/hl(\d+)$/, "hl_controlD$1"),
];

/** As Gaudi's container runtime and its device plugin do; both name a card by the number of its node. */
const attachGaudi = (ids: readonly string[], { habanaRuntime }: AttachOptions): Partial<GpuAttachment> => ({
  env: { HABANA_VISIBLE_DEVICES: ids.map(numberIn).join(",") },
  host: {
    ...(habanaRuntime ? { Runtime: "habana" } : { Devices: ids.flatMap(gaudiNodes).map(device) }),
    IpcMode: "host",
    CapAdd: ["SYS_NICE"],
  },
  pinsMemory: true,
});

const HUGE_PAGES = "/dev/hugepages-1G";

const attachTenstorrent = (ids: readonly string[]): Partial<GpuAttachment> => ({
  host: {
    Devices: ids.map(device),
    ...(existsSync(HUGE_PAGES)
      ? { Mounts: [{ Type: "bind" as const, Source: HUGE_PAGES, Target: HUGE_PAGES }] }
      : {}),
  },
  pinsMemory: true,
});

interface Kind {
  /** The form of the ids (GpuDevice.id). */
  ids: RegExp;
  attach: (ids: readonly string[], options: AttachOptions) => Partial<GpuAttachment>;
}

const KINDS: Kind[] = [
  { ids: /^(GPU|MIG)-[\w/-]+$/, attach: attachNvidia },
  { ids: /^\/dev\/dri\/renderD\d+$/, attach: attachAmd },
  { ids: /^\/dev\/(accel\/accel|hl)\d+$/, attach: attachGaudi },
  { ids: /^\/dev\/tenstorrent\/\d+$/, attach: attachTenstorrent },
];

/**
 * Exactly the devices of these ids, whose form tells the vendor; a host may have several. Images of NVIDIA ask for all
 * GPUs in their environment, and get them where its runtime is the default: unless the job has some, it says "none".
 */
export const attachGpus = (ids: readonly string[], options: AttachOptions): GpuAttachment => {
  const unknown = ids.filter((id) => !KINDS.some((kind) => kind.ids.test(id)));
  if (unknown.length > 0)
    throw new StartError("executor_error", `Cannot attach ${unknown.join(", ")}: devices of an unknown kind`);
  const parts = KINDS.flatMap((kind) => {
    const own = ids.filter((id) => kind.ids.test(id));
    return own.length > 0 ? [kind.attach(own, options)] : [];
  });
  const hasNvidia = parts.some(({ host }) => host?.DeviceRequests);
  return {
    env: Object.assign(
      hasNvidia ? {} : { NVIDIA_VISIBLE_DEVICES: "void", ...(options.privileged ? HIDDEN : {}) },
      ...parts.map(({ env }) => env),
    ),
    host: parts.map(({ host }) => host ?? {}).reduce(merge, {}),
    pinsMemory: parts.some(({ pinsMemory }) => pinsMemory),
  };
};

/** For containers that see the devices all the same. */
const HIDDEN = { CUDA_VISIBLE_DEVICES: "" };

const merge = (all: HostConfig, one: HostConfig): HostConfig => {
  const lists = ["Devices", "CapAdd", "SecurityOpt", "Mounts"] as const;
  const joined = lists.flatMap((name) => {
    const list = [...(all[name] ?? []), ...(one[name] ?? [])];
    return list.length > 0 ? [[name, list]] : [];
  });
  return { ...all, ...one, ...Object.fromEntries(joined) };
};
