import type { Gpu, Resources } from "../../shared/resources/offered.ts";

/** `64GB`, `23.5GB`; of 1024 MiB, one decimal (docs/spec/cli.md §7.1). */
const size = (mib: number): string => `${Number((mib / 1024).toFixed(1))}GB`;

/** Equal devices together: `A100:40GB:2`. */
const gpuTexts = (gpus: readonly Gpu[]): string[] => {
  const counts = new Map<string, number>();
  for (const { name, memory_mib: mib } of gpus) {
    const model = mib > 0 ? `${name}:${size(mib)}` : name;
    counts.set(model, (counts.get(model) ?? 0) + 1);
  }
  return [...counts].map(([model, count]) => `${model}:${count}`);
};

/** `cpu=16 mem=64GB disk=100GB gpu=A100:40GB:2`; what is zero is left out. */
export const formatOffered = (resources: Resources): string => {
  const { cpus, cpu_arch: arch, memory_mib: memory, disk, gpus } = resources;
  return [
    cpus > 0 ? `cpu=${arch === null ? "" : `${arch}:`}${cpus}` : "",
    memory > 0 ? `mem=${size(memory)}` : "",
    disk.size_mib > 0 ? `disk=${size(disk.size_mib)}` : "",
    gpus.length > 0 ? `gpu=${gpuTexts(gpus).join(",")}` : "",
  ]
    .filter((part) => part !== "")
    .join(" ");
};

/** `gpu=A100:40GB:1`, or `-` where there is none. */
export const formatGpus = ({ gpus }: Resources): string =>
  gpus.length > 0 ? `gpu=${gpuTexts(gpus).join(",")}` : "-";
