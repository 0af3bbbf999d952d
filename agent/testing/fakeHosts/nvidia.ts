import { type FakeHost, sample } from "./fakeHost.ts";

export const NVIDIA_XML = "-q -x";
const CSV =
  "--query-gpu=index,name,memory.total,uuid,driver_version,pci.bus_id --format=csv,noheader,nounits";
export const NVIDIA_FILES = { "dev/nvidiactl": "", "dev/nvidia0": "" };
export const fakeUuid = (number: number) =>
  `GPU-${number.toString(16).padStart(8, "0")}-7a42-9b6e-c0de-4f8a1b2c3d4e`;
const slice = (number: number) => `MIG-${number.toString(16).padStart(8, "0")}-42e4-5de3-91c7-45d71c87eb3f`;

const nvidiaHost = (
  name: string,
  file: string,
  gpus: FakeHost["gpus"],
  more: Partial<FakeHost> = {},
): FakeHost => ({
  name,
  files: NVIDIA_FILES,
  tools: { "nvidia-smi": [{ args: NVIDIA_XML, stdout: sample(`nvidia/${file}`) }] },
  gpus,
  ...more,
});

const H100_BUSES = ["18", "2a", "3a", "5d", "9a", "ab", "ba", "db"];

export const NVIDIA: FakeHost[] = [
  nvidiaHost("driver 390, two GPUs on one board, no NVLink", "390-k80.xml", [
    {
      raw_name: "Tesla K80",
      id: fakeUuid(1),
      index: 0,
      memory_mib: 11441,
      bus_id: "0000:05:00.0",
      driver_version: "390.116",
    },
    { raw_name: "Tesla K80", id: fakeUuid(2), index: 1, bus_id: "0000:06:00.0" },
  ]),
  nvidiaHost("driver 440: a busy GPU at its power limit is healthy", "440-v100.xml", [
    { raw_name: "Tesla V100-SXM2-16GB", id: fakeUuid(0x440), memory_mib: 16160, cuda_version: "10.2" },
  ]),
  nvidiaHost("driver 515", "515-t4.xml", [
    { raw_name: "Tesla T4", id: fakeUuid(0x515), memory_mib: 15360, cuda_version: "11.7" },
  ]),
  nvidiaHost(
    "driver 535: MIG on some GPUs; one of them without a slice",
    "535-a100-mig.xml",
    [
      {
        raw_name: "NVIDIA A100-SXM4-80GB MIG 3g.40gb",
        id: slice(1),
        index: 0,
        memory_mib: 40192,
        mig_profile: "3g.40gb",
        parent_id: fakeUuid(0xa1),
      },
      {
        raw_name: "NVIDIA A100-SXM4-80GB MIG 2g.20gb",
        id: slice(2),
        index: 1,
        memory_mib: 19968,
        mig_profile: "2g.20gb",
      },
      {
        raw_name: "NVIDIA A100-SXM4-80GB MIG 1g.10gb+me",
        id: slice(3),
        index: 2,
        memory_mib: 9728,
        mig_profile: "1g.10gb+me",
      },
      { raw_name: "NVIDIA A100-SXM4-80GB", id: fakeUuid(0xa2), index: 3, memory_mib: 81920 },
    ],
    {
      tools: {
        "nvidia-smi": [
          { args: NVIDIA_XML, stdout: sample("nvidia/535-a100-mig.xml") },
          { args: "-L", stdout: sample("nvidia/535-a100-mig.list") },
          { args: "topo -m", stdout: "" },
        ],
      },
      failures: ["NVIDIA A100-SXM4-80GB at 0000:81:00.0 has MIG on and no instance that can be used"],
    },
  ),
  nvidiaHost("driver 580: the XML itself names slices", "580-rtxpro6000-mig.xml", [
    {
      raw_name: "NVIDIA RTX PRO 6000 Blackwell Server Edition MIG",
      id: slice(0x11),
      memory_mib: 24192,
      parent_id: fakeUuid(0xb6),
    },
    { id: slice(0x12), index: 1 },
  ]),
  nvidiaHost(
    "driver 550: eight GPUs with NVLink on two NUMA nodes",
    "550-h100x8.xml",
    H100_BUSES.map((bus, index) => ({
      raw_name: "NVIDIA H100 80GB HBM3",
      id: fakeUuid(0x100 + index),
      index,
      memory_mib: 81559,
      bus_id: `0000:${bus}:00.0`,
      interconnect: "nvlink",
      numa_node: index < 4 ? 0 : 1,
      cuda_version: "12.4",
    })),
    {
      files: {
        ...NVIDIA_FILES,
        ...Object.fromEntries(
          H100_BUSES.map((bus, index) => [
            `sys/bus/pci/devices/0000:${bus}:00.0/numa_node`,
            index < 4 ? "0\n" : "1\n",
          ]),
        ),
      },
      tools: {
        "nvidia-smi": [
          { args: NVIDIA_XML, stdout: sample("nvidia/550-h100x8.xml") },
          { args: "topo -m", stdout: sample("nvidia/550-h100x8.topo") },
        ],
      },
    },
  ),
  nvidiaHost("GB10: the host's memory", "580-gb10.xml", [
    {
      raw_name: "NVIDIA GB10",
      id: fakeUuid(0x6b10),
      memory_mib: 0,
      unified_memory: true,
      bus_id: "000f:01:00.0",
    },
  ]),
  nvidiaHost("Jetson: the host's memory, no PCI bus", "540-orin.xml", [
    { raw_name: "Orin (nvgpu)", id: fakeUuid(0x540), unified_memory: true },
  ]),
  nvidiaHost("driver 580, a real one, passed through to a virtual machine", "real-580-h100.xml", [
    {
      raw_name: "NVIDIA H100 80GB HBM3",
      id: fakeUuid(0x580),
      memory_mib: 81559,
      bus_id: "0000:00:06.0",
      driver_version: "580.159.04",
      cuda_version: "13.0",
    },
  ]),
  nvidiaHost("driver 590", "590-blackwell.xml", [
    {
      raw_name: "NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition",
      id: fakeUuid(0x590),
      memory_mib: 97887,
      cuda_version: "13.1",
    },
  ]),
  nvidiaHost(
    "WSL 2",
    "wsl-4090.xml",
    [{ raw_name: "NVIDIA GeForce RTX 4090", id: fakeUuid(0x4090), memory_mib: 24564 }],
    {
      files: { "dev/dxg": "", "usr/lib/wsl/lib/nvidia-smi": "" },
    },
  ),
  nvidiaHost(
    "GPUs that fail in many ways, and one to look at",
    "580-failing.xml",
    [
      {
        id: fakeUuid(3),
        index: 2,
        health: {
          status: "warning",
          reason: "A row of memory waits to be remapped; It is so hot that the hardware slows it down",
        },
      },
      {
        id: fakeUuid(5),
        health: {
          status: "warning",
          reason: "The driver cannot read its temperature/gpu_temp: Unknown Error",
        },
      },
      { id: fakeUuid(7), health: { status: "warning", reason: "infoROM is corrupted" } },
    ],
    {
      tools: {
        "nvidia-smi": [
          { args: NVIDIA_XML, stdout: sample("nvidia/580-failing.xml"), exitCode: 14 },
          { args: "topo -m", stdout: "" },
        ],
      },
      heldOut: {
        [fakeUuid(1)]:
          "The driver asks for: Drain and Reset; 32 uncorrectable memory errors since the driver was loaded",
        [fakeUuid(2)]: "A row of memory cannot be remapped",
        "0000:4e:00.0": "GPU is lost",
        [fakeUuid(6)]: "forbids all work",
      },
      failures: ["nvidia-smi ended with 14"],
    },
  ),
  {
    name: "a GPU that fell off the bus silences the tool: the others are asked for one by one",
    files: {
      ...NVIDIA_FILES,
      "proc/driver/nvidia/gpus/0000:02:00.0/information": sample("nvidia/proc-3080.txt"),
      "proc/driver/nvidia/gpus/0000:03:00.0/information": sample("nvidia/proc-lost.txt"),
    },
    tools: {
      "nvidia-smi": [
        { args: NVIDIA_XML, stdout: sample("nvidia/lost-gpu.txt"), exitCode: 15 },
        { args: CSV, stdout: sample("nvidia/lost-gpu.txt"), exitCode: 15 },
        { args: "-q -x -i 0000:02:00.0", stdout: sample("nvidia/535-one-of-two.xml") },
        { args: "-q -x -i 0000:03:00.0", stdout: sample("nvidia/lost-gpu.txt"), exitCode: 15 },
      ],
    },
    gpus: [{ raw_name: "NVIDIA GeForce RTX 3080", id: fakeUuid(0x3080), memory_mib: 10240 }],
    heldOut: {
      "0000:03:00.0": "Unable to determine the device handle for GPU1: 0000:03:00.0: Unknown Error",
    },
  },
  {
    name: "a tool that has no XML",
    files: NVIDIA_FILES,
    tools: {
      "nvidia-smi": [{ args: CSV, stdout: `0, NVIDIA L4, 23034, ${fakeUuid(4)}, 535.1, 00000000:00:03.0\n` }],
    },
    gpus: [{ raw_name: "NVIDIA L4", id: fakeUuid(4), memory_mib: 23034, bus_id: "0000:00:03.0" }],
  },
  {
    name: "the driver was replaced while it was loaded",
    files: {
      ...NVIDIA_FILES,
      "proc/driver/nvidia/gpus/0000:02:00.0/information": sample("nvidia/proc-3080.txt"),
    },
    tools: {
      "nvidia-smi": [NVIDIA_XML, CSV, "-q -x -i 0000:02:00.0"].map((args) => ({
        args,
        stdout: "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 550.144\n",
        exitCode: 18,
      })),
    },
    gpus: [],
    heldOut: { [fakeUuid(0x3080)]: "Failed to initialize NVML: Driver/library version mismatch" },
  },
  {
    name: "a card whose driver is not installed yet",
    files: {
      "sys/bus/pci/devices/0000:01:00.0/vendor": "0x10de\n",
      "sys/bus/pci/devices/0000:01:00.0/class": "0x030200\n",
      // Its audio function is no GPU.
      "sys/bus/pci/devices/0000:01:00.1/vendor": "0x10de\n",
      "sys/bus/pci/devices/0000:01:00.1/class": "0x040300\n",
    },
    tools: {},
    gpus: [],
    failures: ["There is NVIDIA hardware, but its driver is not loaded"],
  },
];
