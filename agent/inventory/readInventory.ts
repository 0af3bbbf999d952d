import { AppError } from "../../shared/errors.ts";
import type { GpuDevice, Inventory, RuntimeName } from "../../shared/protocol/inventory.ts";
import { DEFAULT_DOCKER_HOST } from "../runtime/docker/address.ts";
import { readCapacity } from "./capacity.ts";
import { freeDiskMib } from "./disk.ts";
import { findEngine } from "./engine.ts";
import { readGpus } from "./gpus.ts";
import { readHost } from "./host.ts";
import { readMachine } from "./machine.ts";

export interface InventoryOptions {
  /** Where the agent keeps what it needs; jobs of the process runtime write on the same file system. */
  stateDir: string;
  /** `auto`: docker wherever an engine answers. */
  runtime: "auto" | RuntimeName;
  signal: AbortSignal;
  /** DOCKER_HOST. */
  dockerHost?: string | undefined;
  /** What need not be read anew every time (GpuOptions); kept by whoever reads again and again. */
  memory?: Map<string, string>;
  /** For tests: other places of /proc, /sys and /dev, and of the vendors' tools. */
  root?: string;
  searchPath?: string;
}

/**
 * What this host is and has, and which runtime its jobs get. What cannot be read of GPUs is left out and said why;
 * rejects where the docker runtime is demanded and no engine answers, and on an architecture without jobs.
 */
export const readInventory = async (options: InventoryOptions): Promise<Inventory> => {
  const { stateDir, signal, root = "/", searchPath, memory } = options;
  const [chosen, { gpus, failures }] = await Promise.all([
    chooseRuntime(options),
    readGpus({ root, signal, ...(searchPath ? { searchPath } : {}), ...(memory ? { memory } : {}) }),
  ]);
  const capacity = readCapacity({ root, engine: chosen.engine });
  return {
    ...readHost(),
    ...readMachine(root),
    ...capacity,
    disk_mib: await freeDiskMib(chosen.engine?.rootDir ?? stateDir),
    ...divide(gpus.map((gpu) => (gpu.unified_memory ? { ...gpu, memory_mib: capacity.memory_mib } : gpu))),
    ...(failures.length > 0 ? { gpu_failure: failures.join("; ") } : {}),
    ...(chosen.engine
      ? { runtime: "docker", engine_version: chosen.engine.version }
      : { runtime: "process", no_docker_reason: chosen.reason }),
  };
};

/** Those that jobs can be given, and those that are held out. */
const divide = (all: readonly GpuDevice[]): Pick<Inventory, "gpus" | "held_out_gpus"> => {
  const isFit = ({ health }: GpuDevice) => health?.status !== "failure";
  const [gpus, heldOut] = [all.filter(isFit), all.filter((gpu) => !isFit(gpu))];
  return heldOut.length > 0 ? { gpus, held_out_gpus: heldOut } : { gpus };
};

const chooseRuntime = async ({ runtime, signal, dockerHost = DEFAULT_DOCKER_HOST }: InventoryOptions) => {
  if (runtime === "process")
    return { engine: undefined, reason: "The agent was told to use the process runtime" };
  const found = await findEngine(dockerHost, signal);
  if ("engine" in found) return found;
  if (runtime === "auto") return { engine: undefined, reason: found.reason };
  throw new AppError("unavailable", `Cannot use the docker runtime: ${found.reason}`, {
    hint: "Start the engine, or let the agent choose with the runtime auto",
  });
};
