import { existsSync } from "node:fs";
import { join } from "node:path";
import type { GpuDevice } from "../../shared/protocol/inventory.ts";
import { readAmdGpus } from "./amd.ts";
import type { Found, ReadOptions } from "./found.ts";
import { readGaudis } from "./gaudi.ts";
import { readNvidiaGpus } from "./nvidia.ts";
import { list, listAccelerators, numaNode } from "./pci.ts";
import { readTenstorrents } from "./tenstorrent.ts";

export interface GpuOptions {
  root: string;
  signal: AbortSignal;
  searchPath?: string;
  /** Kept by whoever reads again and again. */
  memory?: Map<string, string>;
}

/** A driver that wakes eight GPUs from sleep takes this long in the worst case seen; a hanging one takes for ever. */
const TOOL_TIMEOUT_MS = 60_000;

interface Vendor {
  name: GpuDevice["vendor"];
  /** Whether its driver is there, or a device of it that waits for one. */
  isHere: (root: string) => boolean;
  read: (options: ReadOptions) => Promise<Found>;
}

const has = (root: string, path: string): boolean => existsSync(join(root, path));

const hasPci = (root: string, vendor: string): boolean =>
  listAccelerators(root).some((device) => device.vendor === vendor);

/** By the driver's device files (docs/spec/agent.md §1.1); a host may have several. */
const VENDORS: Vendor[] = [
  {
    name: "nvidia",
    isHere: (root) =>
      has(root, "dev/nvidiactl") ||
      // WSL 2.
      (has(root, "dev/dxg") && has(root, "usr/lib/wsl/lib/nvidia-smi")) ||
      list(join(root, "proc/driver/nvidia/gpus")).length > 0,
    read: readNvidiaGpus,
  },
  { name: "tenstorrent", isHere: (root) => has(root, "dev/tenstorrent"), read: readTenstorrents },
  { name: "amd", isHere: (root) => has(root, "dev/kfd"), read: readAmdGpus },
  {
    name: "intel",
    // /dev/accel alone may be the neural unit of a processor.
    isHere: (root) => hasPci(root, HABANA) && (has(root, "dev/accel") || has(root, "dev/hl0")),
    read: readGaudis,
  },
];

const HABANA = "0x1da3";

/** Whose devices are of use only with a driver that does not come with the kernel; PCI vendor ids. */
const DRIVERLESS: [string, GpuDevice["vendor"], string][] = [
  ["0x10de", "nvidia", "NVIDIA"],
  [HABANA, "intel", "Intel Gaudi"],
  ["0x1e52", "tenstorrent", "Tenstorrent"],
];

/** The host's devices, of all vendors. Never throws: what fails leaves what could be read, and a reason. */
export const readGpus = async (options: GpuOptions): Promise<Found> => {
  const { root, memory = new Map() } = options;
  const here = VENDORS.filter((vendor) => vendor.isHere(root));
  const all = { ...options, memory, timeoutMs: TOOL_TIMEOUT_MS };
  const found = await Promise.all(here.map((vendor) => vendor.read(all)));
  const gpus = found
    .flatMap((one) => one.gpus)
    .map((gpu): GpuDevice => {
      const node = numaNode(root, gpu.bus_id ?? undefined);
      return node === undefined ? gpu : { ...gpu, numa_node: node };
    });
  const without = DRIVERLESS.flatMap(([id, vendor, name]) => {
    if (here.some((one) => one.name === vendor) || !hasPci(root, id)) return [];
    return `There is ${name} hardware, but its driver is not loaded`;
  });
  return { gpus, failures: [...found.flatMap((one) => one.failures), ...without] };
};
