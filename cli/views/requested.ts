import type { GpuSpec } from "../../shared/resources/gpu.ts";
import { printRange, type Range } from "../../shared/resources/range.ts";
import type { ResourcesSpec } from "../../shared/resources/spec.ts";

/** Up to six significant digits, always in GB: `0.5GB`, `1536GB` (docs/spec/cli.md §7.1). */
const gigabytes = (amount: number): string => `${Number(amount.toPrecision(6))}GB`;

const sizes = (range: Range): string => printRange(range, gigabytes);

const gpuParts = ({ vendor, name, memory, count, total_memory: total, compute_capability }: GpuSpec) => ({
  model: name && name.length > 0 ? name.join(",") : vendor,
  rest: [
    memory && sizes(memory),
    printRange(count),
    total && sizes(total),
    compute_capability?.join("."),
  ].filter((part) => part !== null && part !== undefined),
});

/** `cpu=2.. mem=8GB.. disk=100GB.. gpu=A100:40GB:1..2`; parts that are not asked for are absent. */
export const formatRequest = ({ cpu, memory, disk, gpu }: ResourcesSpec): string => {
  const parts = [
    `cpu=${cpu.arch === null ? "" : `${cpu.arch}:`}${printRange(cpu.count)}`,
    `mem=${sizes(memory)}`,
    disk && `disk=${sizes(disk.size)}`,
    gpu && `gpu=${[gpuParts(gpu).model, ...gpuParts(gpu).rest].filter(Boolean).join(":")}`,
  ];
  return parts.filter(Boolean).join(" ");
};

/** As fleets show it: `A100:40GB:1..2`, `gpu:24GB:1` without a name. */
export const formatGpuRequest = (gpu: GpuSpec): string => {
  const { model, rest } = gpuParts(gpu);
  return [model ?? "gpu", ...rest].join(":");
};
