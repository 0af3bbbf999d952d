import { expect, test } from "bun:test";
import type { GpuDevice } from "../../../shared/protocol/inventory.ts";
import { gpuEnv } from "./gpuEnv.ts";

const gpu = (vendor: GpuDevice["vendor"], index: number, id: string, module?: number): GpuDevice => ({
  vendor,
  raw_name: "a GPU",
  id,
  index,
  memory_mib: 1024,
  ...(module === undefined ? {} : { module_id: module }),
});
const NVIDIA = [gpu("nvidia", 0, "GPU-a"), gpu("nvidia", 1, "GPU-b")];
const AMD = [gpu("amd", 0, "/dev/dri/renderD128"), gpu("amd", 1, "/dev/dri/renderD129")];
const GAUDI = [gpu("intel", 0, "/dev/accel/accel0", 3), gpu("intel", 1, "/dev/accel/accel1", 6)];
const TENSTORRENT = [
  gpu("tenstorrent", 0, "/dev/tenstorrent/0"),
  gpu("tenstorrent", 1, "/dev/tenstorrent/2"),
];

test.each<[GpuDevice[], string[], Record<string, string>]>([
  [NVIDIA, ["GPU-b"], { CUDA_VISIBLE_DEVICES: "GPU-b" }],
  [[...NVIDIA, gpu("nvidia", 2, "MIG-c")], ["MIG-c"], { CUDA_VISIBLE_DEVICES: "MIG-c" }],
  [AMD, ["/dev/dri/renderD129"], { ROCR_VISIBLE_DEVICES: "1" }],
  [GAUDI, ["/dev/accel/accel1"], { HABANA_VISIBLE_MODULES: "6" }],
  [[gpu("intel", 0, "/dev/hl0"), gpu("intel", 1, "/dev/hl1")], ["/dev/hl1"], { HABANA_VISIBLE_MODULES: "1" }],
  [TENSTORRENT, ["/dev/tenstorrent/2"], { TT_VISIBLE_DEVICES: "2" }],
  // Of two vendors.
  [
    [...NVIDIA, ...AMD],
    ["GPU-a", "/dev/dri/renderD128"],
    { CUDA_VISIBLE_DEVICES: "GPU-a", ROCR_VISIBLE_DEVICES: "0" },
  ],
  [
    [...NVIDIA, ...AMD],
    ["GPU-a"],
    { CUDA_VISIBLE_DEVICES: "GPU-a", ROCR_VISIBLE_DEVICES: "", HIP_VISIBLE_DEVICES: "-1" },
  ],
  // All of them: nothing to hide.
  [NVIDIA, ["GPU-b", "GPU-a"], {}],
  // A job that was given none of them sees none of them.
  [[gpu("nvidia", 0, "GPU-a")], [], { CUDA_VISIBLE_DEVICES: "" }],
  [AMD, [], { ROCR_VISIBLE_DEVICES: "", HIP_VISIBLE_DEVICES: "-1" }],
  [[], [], {}],
])("gpuEnv(%j, %j)", (devices, ids, env) => {
  expect(gpuEnv(ids, devices)).toEqual(env);
});

test("gpuEnv() refuses a device that has vanished", () => {
  expect(() => gpuEnv(["GPU-a", "GPU-z"], NVIDIA)).toThrow(
    "Cannot give the job GPU-z: this host has it no more",
  );
});
