import { expect, test } from "bun:test";
import { formatGpus, formatRequirements, formatResources } from "./format.ts";
import { Resources } from "./offered.ts";
import { ResourcesSpec } from "./spec.ts";

test.each([
  [{}, "cpu=2.. mem=8GB.. disk=100GB.. gpu=0.."],
  [
    { cpu: "x86:1..", memory: "1GB..", disk: "2GB..", gpu: "H200:8" },
    "cpu=x86:1.. mem=1GB.. disk=2GB.. gpu=H200:8",
  ],
  [{ cpu: "1..", memory: "0..", disk: null, gpu: "A100:80GB:8" }, "cpu=1.. mem=0GB.. gpu=A100:80GB:8"],
  [
    { cpu: 2, memory: "512MB..1.5TB", disk: "..64GB", gpu: "24GB" },
    "cpu=2 mem=0.5GB..1536GB disk=..64GB gpu=24GB:1..",
  ],
  [{ gpu: { vendor: "amd", count: 2 } }, "cpu=2.. mem=8GB.. disk=100GB.. gpu=amd:2"],
  [
    { gpu: { name: ["L4", "T4"], total_memory: "96GB..", compute_capability: "7.5" } },
    "cpu=2.. mem=8GB.. disk=100GB.. gpu=L4,T4:1..:96GB..:7.5",
  ],
])("formatRequirements() %j", (spec, text) => {
  expect(formatRequirements(ResourcesSpec.parse(spec))).toBe(text);
});

const gpu = (name: string, gib: number) => ({ name, memory_mib: gib * 1024, vendor: "nvidia" });

test.each([
  [
    { cpus: 2, memory_mib: 24_064, gpus: [], disk: { size_mib: 74_342 }, cpu_arch: "x86" },
    "cpu=x86:2 mem=23.5GB disk=72.6GB",
  ],
  [
    { cpus: 16, memory_mib: 65_536, gpus: [gpu("A100", 40), gpu("A100", 40)], disk: { size_mib: 102_400 } },
    "cpu=16 mem=64GB disk=100GB gpu=A100:40GB:2",
  ],
  [
    {
      cpus: 4,
      memory_mib: 1024,
      gpus: [gpu("T4", 0), gpu("L4", 24)],
      disk: { size_mib: 0 },
      cpu_arch: "arm",
    },
    "cpu=arm:4 mem=1GB gpu=T4:1,L4:24GB:1",
  ],
])("formatResources() %j", (resources, text) => {
  expect(formatResources(Resources.parse({ spot: false, ...resources }))).toBe(text);
});

test("formatGpus() of a host without any is undefined", () => expect(formatGpus([])).toBeUndefined());
