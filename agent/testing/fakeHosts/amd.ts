import { type FakeHost, sample } from "./fakeHost.ts";

export const AMD_SMI = "static --json --asic --vram --bus --driver";
const ROCM_SMI = "--showproductname --showbus --showmeminfo vram --showdriverversion --json";
const nodes = "sys/class/kfd/kfd/topology/nodes";
export const MI300X_FILES = {
  "dev/kfd": "",
  [`${nodes}/0/properties`]: sample("amd/kfd-cpu.txt"),
  [`${nodes}/1/properties`]: sample("amd/kfd-0c.txt"),
  [`${nodes}/1/mem_banks/0/properties`]: sample("amd/kfd-bank.txt"),
  [`${nodes}/1/io_links/0/properties`]: sample("amd/kfd-link-pcie.txt"),
  [`${nodes}/1/io_links/1/properties`]: sample("amd/kfd-link-xgmi.txt"),
  [`${nodes}/2/properties`]: sample("amd/kfd-22.txt"),
  [`${nodes}/2/mem_banks/0/properties`]: sample("amd/kfd-bank.txt"),
  [`${nodes}/2/io_links/0/properties`]: sample("amd/kfd-link-xgmi.txt"),
  "sys/bus/pci/devices/0000:0c:00.0/numa_node": "0\n",
  "sys/bus/pci/devices/0000:22:00.0/numa_node": "1\n",
};
export const MI300X = [
  {
    raw_name: "AMD Instinct MI300X",
    id: "/dev/dri/renderD128",
    index: 0,
    bus_id: "0000:0c:00.0",
    memory_mib: 196592,
    numa_node: 0,
    interconnect: "xgmi",
  },
  {
    raw_name: "AMD Instinct MI300X",
    id: "/dev/dri/renderD129",
    index: 1,
    bus_id: "0000:22:00.0",
    memory_mib: 196592,
    numa_node: 1,
    interconnect: "xgmi",
  },
];

export const AMD: FakeHost[] = [
  {
    name: "ROCm 6: two with xGMI",
    files: MI300X_FILES,
    tools: { "amd-smi": [{ args: AMD_SMI, stdout: sample("amd/rocm6-mi300x.txt") }] },
    gpus: MI300X,
  },
  {
    name: "no tool of AMD: what the kernel knows, errors too",
    files: { ...MI300X_FILES, "sys/bus/pci/devices/0000:22:00.0/ras/umc_err_count": "ue: 1\nce: 12\n" },
    tools: {},
    gpus: [
      MI300X[0] ?? {},
      {
        ...MI300X[1],
        health: { status: "warning", reason: "1 uncorrectable memory error since the driver was loaded" },
      },
    ],
  },
  {
    name: "ROCm 7 in a virtual machine: a VF, unknown to the topology",
    files: { "dev/kfd": "", "sys/bus/pci/devices/0002:00:01.0/drm/renderD128/dev": "226:128\n" },
    tools: { "amd-smi": [{ args: AMD_SMI, stdout: sample("amd/rocm7-mi300x-vf.txt") }] },
    gpus: [
      {
        raw_name: "AMD Instinct MI300X VF",
        id: "/dev/dri/renderD128",
        bus_id: "0002:00:01.0",
        memory_mib: 196288,
      },
    ],
  },
  {
    name: "a desktop: the processor's own graphics are none, a GPU without a render node is held out",
    files: { "dev/kfd": "" },
    tools: { "amd-smi": [{ args: AMD_SMI, stdout: sample("amd/rocm7-desktop.txt") }] },
    gpus: [],
    heldOut: { "0000:03:00.0": "It has no render node in /dev/dri" },
  },
  {
    name: "ROCm 5 without amd-smi",
    files: { "dev/kfd": "", [`${nodes}/1/properties`]: sample("amd/kfd-29.txt") },
    tools: { "rocm-smi": [{ args: ROCM_SMI, stdout: sample("amd/rocm5-rocm-smi.txt") }] },
    gpus: [
      {
        raw_name: "AMD INSTINCT MI250 (MCM) OAM AC MBA",
        id: "/dev/dri/renderD128",
        memory_mib: 65520,
        driver_version: "5.18.13",
      },
    ],
  },
];
