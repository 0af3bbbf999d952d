import { z } from "zod";

/** How a device does. `failure`: it is given to no job; `warning`: it is, and somebody should look at it. */
export const GpuHealth = z.object({
  status: z.enum(["healthy", "warning", "failure"]),
  /** For people, e.g. `12 uncorrectable memory errors since the driver was loaded`. */
  reason: z.string(),
});
export type GpuHealth = z.infer<typeof GpuHealth>;

/** One accelerator, or one slice of it that a job can be given, as the vendor's tool lists it. */
export const GpuDevice = z.object({
  vendor: z.enum(["nvidia", "amd", "intel", "tenstorrent"]),
  /** The vendor's own name, e.g. `NVIDIA H100 80GB HBM3`; the coordinator derives the catalogue name. */
  raw_name: z.string(),
  /**
   * What attachment takes, unique on its host: the UUID of an NVIDIA GPU or MIG slice, the render node of an AMD GPU,
   * the device node of the others (docs/spec/agent.md §1). Of a GPU that does not tell: its bus address.
   */
  id: z.string(),
  /** Of its vendor's devices, counted as that vendor's libraries do. */
  index: z.number().int().nonnegative(),
  /** MiB; 0 when the tool does not tell. */
  memory_mib: z.number().int().nonnegative(),
  /** As the kernel writes it: `0000:1b:00.0`. */
  bus_id: z.string().nullish(),
  driver_version: z.string().nullish(),
  /** The newest CUDA that the driver can run. */
  cuda_version: z.string().nullish(),
  /** It has no memory of its own: `memory_mib` is the host's, which it shares. */
  unified_memory: z.boolean().nullish(),
  /** Of a MIG slice: `1g.10gb`. */
  mig_profile: z.string().nullish(),
  /** Id of the GPU that this is a slice of. */
  parent_id: z.string().nullish(),
  /** What Gaudi's libraries call it; not always its index. */
  module_id: z.number().int().nonnegative().nullish(),
  numa_node: z.number().int().nonnegative().nullish(),
  /** By what it reaches other devices of this host faster than over PCIe: `nvlink`, `xgmi`. */
  interconnect: z.string().nullish(),
  /** Absent: nothing is known against it. */
  health: GpuHealth.nullish(),
});
export type GpuDevice = z.infer<typeof GpuDevice>;

/** What a host is and has. Sent with the first sync of a session and again whenever it has changed. */
export const Inventory = z.object({
  hostname: z.string(),
  /**
   * The same for the same machine, also when its disk was erased: SHA-256 hex of what its maker or its system calls it. No
   * secret, and no proof of anything. Absent: nothing is known.
   */
  machine: z.string().max(64).nullish(),
  arch: z.enum(["x86", "arm"]),
  os: z.string(),
  kernel: z.string().nullish(),
  cpus: z.number().int().positive(),
  memory_mib: z.number().int().positive(),
  /** Space that jobs can use, on the file system of Docker's root or of the agent's state directory. */
  disk_mib: z.number().int().nonnegative(),
  /** Those that jobs can be given. */
  gpus: z.array(GpuDevice),
  /** Those that are there and given to no job, for the reason that `health` tells. */
  held_out_gpus: z.array(GpuDevice).nullish(),
  /** Why GPUs may be missing from both lists, in words for people: a driver that is not installed, a tool that hangs. */
  gpu_failure: z.string().nullish(),
  /** Non-loopback interface addresses in CIDR form, in interface order. */
  addresses: z.array(z.string()),
  /** The one runtime that jobs get on this host. */
  runtime: z.enum(["docker", "process"]),
  /** Version of the container engine; absent with the process runtime. */
  engine_version: z.string().nullish(),
  /** Why the container engine is not used, in words for people; absent with the docker runtime. */
  no_docker_reason: z.string().nullish(),
});
export type Inventory = z.infer<typeof Inventory>;
export type RuntimeName = Inventory["runtime"];
