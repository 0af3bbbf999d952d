import { expect, test } from "bun:test";
import type { GpuDevice } from "../../../shared/protocol/inventory.ts";
import { gpuEnv } from "./gpuEnv.ts";

const gpu = (vendor: GpuDevice["vendor"], index: number, id: string): GpuDevice => ({
  vendor,
  raw_name: "a GPU",
  id,
  index,
  memory_mib: 1024,
});

test.each<[GpuDevice[], string[], Record<string, string>]>([
  [[gpu("nvidia", 0, "GPU-a"), gpu("nvidia", 1, "GPU-b")], ["GPU-b"], { CUDA_VISIBLE_DEVICES: "GPU-b" }],
  [
    [gpu("amd", 0, "/dev/dri/renderD128"), gpu("amd", 1, "/dev/dri/renderD129")],
    ["/dev/dri/renderD129"],
    { ROCR_VISIBLE_DEVICES: "1" },
  ],
  [[gpu("intel", 2, "2"), gpu("intel", 3, "3")], ["3"], { HABANA_VISIBLE_MODULES: "3" }],
  [[gpu("tenstorrent", 0, "0"), gpu("tenstorrent", 1, "1")], ["0"], { TT_VISIBLE_DEVICES: "0" }],
  [[gpu("nvidia", 0, "GPU-a"), gpu("nvidia", 1, "GPU-b")], ["GPU-b", "GPU-a"], {}],
  // A job that was given none of them sees none of them.
  [[gpu("nvidia", 0, "GPU-a")], [], { CUDA_VISIBLE_DEVICES: "" }],
  [[], [], {}],
])("gpuEnv(%j, %j)", (devices, ids, env) => {
  expect(gpuEnv(ids, devices)).toEqual(env);
});
