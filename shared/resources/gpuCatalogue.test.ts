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
    ["nvidia", "NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition", "RTXPRO6000"],
    ["nvidia", "NVIDIA RTX PRO 4500 Blackwell", "RTXPRO4500"],
    ["nvidia", "NVIDIA RTX Pro 6000 Blackwell DC-1-24C", "RTXPRO6000"],
    ["nvidia", "NVIDIA GB300", "GB300"],
    ["nvidia", "NVIDIA GB10", "GB10"],
    ["nvidia", "Orin (nvgpu)", "Orin"],
    ["nvidia", "NVIDIA RTX 4000 SFF Ada Generation", "RTX4000Ada"],
    ["nvidia", "Quadro RTX 6000", "RTX6000"],
    ["nvidia", "NVIDIA GeForce RTX 4090 Laptop GPU", "RTX4090LaptopGPU"],
    // Slices, which the reference does not know.
    ["nvidia", "NVIDIA A100-SXM4-40GB MIG 1g.5gb", "A100-1g.5gb"],
    ["nvidia", "NVIDIA A100-SXM4-80GB MIG 1g.10gb+me", "A100-1g.10gb+me"],
    ["nvidia", "NVIDIA RTX PRO 6000 Blackwell Server Edition MIG 2g.48gb", "RTXPRO6000-2g.48gb"],
    ["nvidia", "NVIDIA H100 80GB HBM3 MIG", "H100-MIG"],
    ["amd", "AMD Instinct MI300X", "MI300X"],
    ["amd", "AMD Instinct MI300X VF", "MI300X"],
    ["amd", "AMD INSTINCT MI250 (MCM) OAM AC MBA", "MI250"],
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
    ["NVIDIA B300 SXM6 AC", 275_040, 270],
    ["NVIDIA RTX PRO 6000 Blackwell Server Edition", 97_887, 96],
    ["NVIDIA RTX PRO 4500 Blackwell", 32_623, 32],
    ["NVIDIA A100-SXM4-40GB MIG 1g.5gb", 4_864, 5],
    ["NVIDIA A100-SXM4-80GB MIG 3g.40gb", 40_192, 40],
    ["NVIDIA H100 NVL MIG 1g.12gb", 11_008, 12],
    ["NVIDIA GB10", 124_610, 122],
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
  expect(capabilityOf("h100-1g.10gb")).toEqual([9, 0]);
  expect(vendorOfName("A100-1g.10gb+me")).toBe("nvidia");
});
