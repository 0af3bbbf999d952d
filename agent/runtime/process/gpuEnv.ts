import type { GpuDevice } from "../../../shared/protocol/inventory.ts";
import { StartError } from "../runtime.ts";

/**
 * What makes a job see its own devices alone. Variables are all that a process without a container can be given;
 * each vendor's libraries read their own: CUDA_VISIBLE_DEVICES (CUDA programming guide), ROCR_VISIBLE_DEVICES and
 * HIP_VISIBLE_DEVICES (ROCm documentation, GPU isolation), HABANA_VISIBLE_MODULES (Gaudi documentation, by what
 * `hl-smi` calls module_id), TT_VISIBLE_DEVICES (tt-metal, by device node). A job that has all `devices` of the host
 * gets none of these: some frameworks cannot read the ids. Refuses a device that is not there any more.
 */
export const gpuEnv = (ids: readonly string[], devices: readonly GpuDevice[]): Record<string, string> => {
  const gone = ids.filter((id) => !devices.some((device) => device.id === id));
  if (gone.length > 0)
    throw new StartError(
      "executor_error",
      `Cannot give the job ${gone.join(", ")}: this host has it no more`,
    );
  const given = devices.filter((device) => ids.includes(device.id));
  if (given.length === devices.length) return {};
  const variables = VENDORS.filter(({ vendor }) => devices.some((device) => device.vendor === vendor));
  return Object.assign(
    {},
    ...variables.map(({ vendor, name, nameOf, none }) => {
      const own = given.filter((device) => device.vendor === vendor);
      return own.length > 0 ? { [name]: own.map(nameOf).join(",") } : { [name]: "", ...none };
    }),
  );
};

interface Variable {
  vendor: GpuDevice["vendor"];
  name: string;
  nameOf: (device: GpuDevice) => string | number;
  /** What else hides them all. */
  none?: Record<string, string>;
}

const VENDORS: Variable[] = [
  { vendor: "nvidia", name: "CUDA_VISIBLE_DEVICES", nameOf: ({ id }) => id },
  {
    vendor: "amd",
    name: "ROCR_VISIBLE_DEVICES",
    nameOf: ({ index }) => index,
    none: { HIP_VISIBLE_DEVICES: "-1" },
  },
  {
    vendor: "intel",
    name: "HABANA_VISIBLE_MODULES",
    nameOf: ({ module_id, index }) => module_id ?? index,
  },
  {
    vendor: "tenstorrent",
    name: "TT_VISIBLE_DEVICES",
    nameOf: ({ id, index }) => /\d+$/.exec(id)?.[0] ?? index,
  },
];
