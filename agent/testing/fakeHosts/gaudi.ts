import { type FakeHost, sample } from "./fakeHost.ts";

const HL_SMI =
  "--query-aip=index,module_id,name,memory.total,bus_id,driver_version --format=csv,noheader,nounits";
const HL_SMI_OLD = "--query-aip=name,memory.total,index --format=csv,noheader,nounits";
const gaudiPci = (bus: string) => ({
  [`sys/bus/pci/devices/${bus}/vendor`]: "0x1da3\n",
  [`sys/bus/pci/devices/${bus}/class`]: "0x120000\n",
});

export const GAUDI: FakeHost[] = [
  {
    name: "Gaudi 2 beside a neural unit, one card in need of a reset",
    files: {
      ...gaudiPci("0000:33:00.0"),
      ...gaudiPci("0000:9a:00.0"),
      "dev/accel/accel0": "",
      "dev/accel/accel1": "",
      "dev/accel/accel2": "",
      "sys/class/accel/accel0/device/uevent": "DRIVER=intel_vpu\nPCI_SLOT_NAME=0000:00:0b.0\n",
      "sys/class/accel/accel1/device/uevent": "DRIVER=habanalabs\nPCI_SLOT_NAME=0000:33:00.0\n",
      "sys/class/accel/accel1/device/status": "operational\n",
      "sys/class/accel/accel2/device/uevent": "DRIVER=habanalabs\nPCI_SLOT_NAME=0000:9a:00.0\n",
      "sys/class/accel/accel2/device/status": "needs reset\n",
    },
    tools: { "hl-smi": [{ args: HL_SMI, stdout: sample("gaudi/gaudi2.csv") }] },
    gpus: [
      {
        raw_name: "HL-225",
        id: "/dev/accel/accel1",
        index: 0,
        module_id: 3,
        memory_mib: 98304,
        driver_version: "1.19.0-4b1a2c3",
      },
    ],
    heldOut: { "/dev/accel/accel2": "The driver says: needs reset" },
  },
  {
    name: "Gaudi 3",
    files: { ...gaudiPci("0000:18:00.0"), "dev/accel/accel0": "" },
    tools: { "hl-smi": [{ args: HL_SMI, stdout: sample("gaudi/gaudi3.csv") }] },
    gpus: [{ raw_name: "HL-325L", id: "/dev/accel/accel0", module_id: 0, memory_mib: 131072 }],
  },
  {
    name: "the first Gaudi, a tool that does not know module_id",
    files: { ...gaudiPci("0000:18:00.0"), "dev/hl0": "" },
    tools: { "hl-smi": [{ args: HL_SMI_OLD, stdout: sample("gaudi/old.csv") }] },
    gpus: [{ raw_name: "HL-205", id: "/dev/hl0", memory_mib: 32768 }],
  },
  {
    name: "a neural unit alone is no GPU",
    files: { "dev/accel/accel0": "", "sys/class/accel/accel0/device/uevent": "PCI_SLOT_NAME=0000:00:0b.0\n" },
    tools: {},
    gpus: [],
  },
];
