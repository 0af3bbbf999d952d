import { existsSync } from "node:fs";
import { join } from "node:path";
import type { GpuDevice } from "../../shared/protocol/inventory.ts";
import { readAmdGpus } from "./amd.ts";
import { readNvidiaGpus } from "./nvidia.ts";

type Vendor = "nvidia" | "amd";

export interface GpuOptions {
  root: string;
  signal: AbortSignal;
  searchPath?: string;
}

/** A driver that wakes eight GPUs from sleep takes this long in the worst case seen; a hanging one takes for ever. */
const TOOL_TIMEOUT_MS = 60_000;

/** The host's GPUs, of one vendor (docs/spec/agent.md §1.1). A failure leaves what could be read, and a reason. */
export const readGpus = async (options: GpuOptions): Promise<{ gpus: GpuDevice[]; failure?: string }> => {
  const vendor = vendorOf(options.root);
  if (vendor === undefined) return { gpus: [] };
  const all = { ...options, timeoutMs: TOOL_TIMEOUT_MS };
  return vendor === "nvidia" ? readNvidiaGpus(all) : readAmdGpus(all);
};

/** By the driver's device files, as docs/spec/agent.md §1.1 orders them: /dev/kfd is there for built-in GPUs too. */
const vendorOf = (root: string): Vendor | undefined => {
  const has = (path: string) => existsSync(join(root, path));
  if (has("dev/nvidiactl")) return "nvidia";
  if (has("dev/dxg") && has("usr/lib/wsl/lib/nvidia-smi")) return "nvidia";
  return has("dev/kfd") ? "amd" : undefined;
};
