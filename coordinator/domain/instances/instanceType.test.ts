import { expect, test } from "bun:test";
import type { Inventory } from "../../../shared/protocol/inventory.ts";
import { gpuDriverOf, instanceTypeOf } from "./instanceType.ts";

const inventory: Inventory = {
  hostname: "gpu-1",
  arch: "x86",
  os: "linux",
  cpus: 26,
  memory_mib: 230_000,
  disk_mib: 1_000_000,
  gpus: [
    {
      vendor: "nvidia",
      raw_name: "NVIDIA H100 80GB HBM3",
      id: "GPU-0",
      index: 0,
      memory_mib: 81_559,
      driver_version: "550.54.15",
    },
  ],
  addresses: ["10.0.0.5/24"],
  runtime: "docker",
};

test("a host is described in the words of configurations", () => {
  expect(instanceTypeOf(inventory)).toEqual({
    name: "instance",
    resources: {
      cpus: 26,
      memory_mib: 230_000,
      gpus: [{ name: "H100", memory_mib: 81_920, vendor: "nvidia" }],
      spot: false,
      disk: { size_mib: 1_000_000 },
      cpu_arch: "x86",
      description: "",
    },
  });
  expect(gpuDriverOf(inventory)).toEqual({ vendor: "nvidia", version: "550.54.15" });
  expect(gpuDriverOf({ ...inventory, gpus: [] })).toBeNull();
});
