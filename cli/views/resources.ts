import { formatGpuSpec, formatGpus } from "../../shared/resources/format.ts";
import type { GpuSpec } from "../../shared/resources/gpu.ts";
import type { Resources } from "../../shared/resources/offered.ts";

/** `gpu=A100:40GB:1`, or `-` where there is none. */
export const gpuCell = ({ gpus }: Resources): string => {
  const formatted = formatGpus(gpus);
  return formatted === undefined ? "-" : `gpu=${formatted}`;
};

/** What a fleet asks for: `A100:40GB:1..2`, or `gpu:24GB:1` where neither name nor vendor matters. */
export const gpuSpecCell = (gpu: GpuSpec): string => {
  const isNamed = gpu.vendor !== null || (gpu.name !== null && gpu.name.length > 0);
  return isNamed ? formatGpuSpec(gpu) : `gpu:${formatGpuSpec(gpu)}`;
};
