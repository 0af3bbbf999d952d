import { describe, expect, test } from "bun:test";
import { capabilityOf, catalogueGpu, vendorOfName } from "./gpuCatalogue.ts";

describe("catalogueGpu() names", () => {
  const cases: [Parameters<typeof catalogueGpu>[0], string, string][] = [
    ["nvidia", "NVIDIA H100 80GB HBM3", "H100"],
    ["nvidia", "NVIDIA H100 PCIe", "H100"],
    ["nvidia", "NVIDIA H100 NVL", "H100NVL"],
    ["nvidia", "NVIDIA H200", "H200"],
    ["nvidia", "NVIDIA A100-SXM4-40GB", "A100"],
    ["nvidia", "NVIDIA A10G", "A10G"],
    ["nvidia", "NVIDIA RTX A6000", "A6000"],
    ["nvidia", "NVIDIA RTX 6000 Ada Generation", "RTX6000Ada"],
    ["nvidia", "NVIDIA GeForce RTX 4070 Ti SUPER", "RTX4070TiSUPER"],
    ["nvidia", "NVIDIA GeForce RTX 4090", "RTX4090"],
    ["nvidia", "Tesla V100-SXM2-16GB", "V100"],
    ["nvidia", "Tesla T4", "T4"],
    ["nvidia", "NVIDIA GH200 480GB", "GH200"],
    ["nvidia", "NVIDIA L40S", "L40S"],
    ["nvidia", "NVIDIA B200", "B200"],
    ["nvidia", "NVIDIA GB200", "GB200"],
    // The reference keeps the whole text of these, and so never matches them.
    ["nvidia", "NVIDIA B300 SXM6 AC", "B300"],
    ["nvidia", "NVIDIA RTX PRO 6000 Blackwell Server Edition", "RTXPRO6000"],
    ["amd", "AMD Instinct MI300X", "MI300X"],
    ["amd", "AMD Instinct MI300X-O", "MI300X"],
    ["amd", "AMD Radeon RX 7900 XTX", "AMD Radeon RX 7900 XTX"],
    ["intel", "HL-225B", "Gaudi2"],
    ["intel", "HL-338", "Gaudi3"],
    ["tenstorrent", "n300", "n300"],
  ];
  test.each(cases)("%s %s is %s", (vendor, raw, name) => {
    expect(catalogueGpu(vendor, raw, 0).name).toBe(name);
  });
});

describe("catalogueGpu() memory", () => {
  test.each([
    ["NVIDIA H100 80GB HBM3", 81_559, 80],
    ["NVIDIA H200", 143_771, 141],
    ["NVIDIA L4", 23_034, 24],
    ["Tesla T4", 15_360, 16],
    ["NVIDIA A100-SXM4-40GB", 40_960, 40],
    ["NVIDIA Unheard-of", 30_500, 30],
  ])("%s with %d MiB has %d GiB", (raw, memoryMib, gib) => {
    expect(catalogueGpu("nvidia", raw, memoryMib).memory_mib).toBe(gib * 1024);
  });
});

test("names are known in any case", () => {
  expect(vendorOfName("h100")).toBe("nvidia");
  expect(vendorOfName("gaudi3")).toBe("intel");
  expect(vendorOfName("v5litepod-8")).toBe("google");
  expect(vendorOfName("Z100")).toBeUndefined();
  expect(capabilityOf("rtx4090")).toEqual([8, 9]);
});
