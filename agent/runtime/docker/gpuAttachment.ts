import type { HostConfig } from "dockerode";
import { StartError } from "../runtime.ts";

/** What attaching devices adds to a container (docs/spec/agent.md §2.5). */
export interface GpuAttachment {
  env: Record<string, string>;
  host: HostConfig;
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

/** Devices by their ids (GpuDevice.id), whose form tells the vendor. */
export const attachGpus = (ids: readonly string[], options: { display: boolean }): GpuAttachment => {
  // Images of NVIDIA ask for all GPUs in their environment, and where its runtime is the default they would get them.
  if (ids.length === 0) return { env: { NVIDIA_VISIBLE_DEVICES: "void" }, host: {} };
  if (ids.every((id) => /^(GPU|MIG)-/.test(id))) {
    const capabilities = nvidiaCapabilities(options.display);
    return {
      env: {},
      host: {
        DeviceRequests: [
          { Driver: "", Count: 0, DeviceIDs: [...ids], Capabilities: [capabilities], Options: {} },
        ],
      },
    };
  }
  if (ids.every((id) => /^\/dev\/dri\/renderD\d+$/.test(id))) {
    return {
      env: { NVIDIA_VISIBLE_DEVICES: "void" },
      host: {
        Devices: ["/dev/kfd", ...ids].map(device),
        IpcMode: "host",
        CapAdd: ["SYS_PTRACE"],
        SecurityOpt: ["seccomp=unconfined"],
      },
    };
  }
  throw new StartError("executor_error", `Cannot attach ${ids.join(", ")}: devices of an unknown kind`);
};
