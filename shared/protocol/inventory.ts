import { z } from "zod";

/** One accelerator as the vendor's tool lists it. */
export const GpuDevice = z.object({
  vendor: z.enum(["nvidia", "amd", "intel", "tenstorrent"]),
  /** The vendor's own name, e.g. `NVIDIA H100 80GB HBM3`; the coordinator derives the catalogue name. */
  raw_name: z.string(),
  /** What attachment takes: NVIDIA UUID, AMD render node path (docs/spec/agent.md §1). */
  id: z.string(),
  index: z.number().int().nonnegative(),
  /** MiB; 0 when the tool does not tell. */
  memory_mib: z.number().int().nonnegative(),
  bus_id: z.string().nullish(),
  driver_version: z.string().nullish(),
});
export type GpuDevice = z.infer<typeof GpuDevice>;

/** What a host is and has. Sent with the first sync of a session and again whenever it has changed. */
export const Inventory = z.object({
  hostname: z.string(),
  arch: z.enum(["x86", "arm"]),
  os: z.string(),
  kernel: z.string().nullish(),
  cpus: z.number().int().positive(),
  memory_mib: z.number().int().positive(),
  /** Space that jobs can use, on the file system of Docker's root or of the agent's state directory. */
  disk_mib: z.number().int().nonnegative(),
  gpus: z.array(GpuDevice),
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
