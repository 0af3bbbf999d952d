import { AppError } from "../../shared/errors.ts";
import { type Logger, silentLogger } from "../../shared/log.ts";
import type { Inventory, RuntimeName } from "../../shared/protocol/inventory.ts";
import { DEFAULT_DOCKER_HOST } from "../runtime/docker/address.ts";
import { readCapacity } from "./capacity.ts";
import { freeDiskMib } from "./disk.ts";
import { findEngine } from "./engine.ts";
import { readGpus } from "./gpus.ts";
import { readHost } from "./host.ts";
import { withHostMemory } from "./nvidia.ts";

export interface InventoryOptions {
  /** Where the agent keeps what it needs; jobs of the process runtime write on the same file system. */
  stateDir: string;
  /** `auto`: docker wherever an engine answers. */
  runtime: "auto" | RuntimeName;
  signal: AbortSignal;
  /** DOCKER_HOST. */
  dockerHost?: string | undefined;
  log?: Logger;
  /** For tests: other places of /proc, /sys and /dev, and of the vendors' tools. */
  root?: string;
  searchPath?: string;
}

/**
 * What this host is and has, and which runtime its jobs get. What cannot be read of GPUs is logged and left out;
 * rejects where the docker runtime is demanded and no engine answers, and on an architecture without jobs.
 */
export const readInventory = async (options: InventoryOptions): Promise<Inventory> => {
  const { stateDir, signal, log = silentLogger, root = "/", searchPath } = options;
  const [chosen, { gpus, failure }] = await Promise.all([
    chooseRuntime(options),
    readGpus({ root, signal, ...(searchPath ? { searchPath } : {}) }),
  ]);
  if (failure !== undefined) log.warn("GPUs cannot be listed", { reason: failure, listed: gpus.length });
  const capacity = readCapacity({ root, engine: chosen.engine });
  return {
    ...readHost(),
    ...capacity,
    disk_mib: await freeDiskMib(chosen.engine?.rootDir ?? stateDir),
    gpus: gpus.map((gpu) => withHostMemory(gpu, capacity.memory_mib)),
    ...(chosen.engine
      ? { runtime: "docker", engine_version: chosen.engine.version }
      : { runtime: "process", no_docker_reason: chosen.reason }),
  };
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
