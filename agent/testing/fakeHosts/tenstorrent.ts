import { type FakeHost, sample } from "./fakeHost.ts";

const ttDevice = (node: number, bus: string, type?: string) => ({
  [`dev/tenstorrent/${node}`]: "",
  [`sys/class/tenstorrent/tenstorrent!${node}/device/uevent`]: `PCI_SLOT_NAME=${bus}\n`,
  ...(type ? { [`sys/class/tenstorrent/tenstorrent!${node}/tt_card_type`]: `${type}\n` } : {}),
  "sys/module/tenstorrent/version": "2.0.0\n",
});

export const TENSTORRENT: FakeHost[] = [
  {
    name: "n300: two chips a board; the kernel's numbers are not the tool's",
    files: { ...ttDevice(0, "0000:41:00.0"), ...ttDevice(1, "0000:01:00.0") },
    tools: { "tt-smi": [{ args: "-s", stdout: sample("tenstorrent/n300.txt") }] },
    gpus: [
      {
        raw_name: "n300",
        id: "/dev/tenstorrent/0",
        bus_id: "0000:41:00.0",
        memory_mib: 24576,
        driver_version: "2.0.0",
      },
      { raw_name: "n300", id: "/dev/tenstorrent/1", bus_id: "0000:01:00.0", memory_mib: 24576 },
    ],
  },
  {
    name: "p150",
    files: { ...ttDevice(0, "0000:01:00.0"), ...ttDevice(1, "0000:02:00.0") },
    tools: { "tt-smi": [{ args: "-s", stdout: sample("tenstorrent/p150.txt") }] },
    gpus: [
      { raw_name: "p150", id: "/dev/tenstorrent/0", memory_mib: 32768 },
      { raw_name: "p150", id: "/dev/tenstorrent/1", memory_mib: 32768 },
    ],
  },
  {
    name: "no tt-smi: what the kernel knows",
    files: ttDevice(0, "0000:01:00.0", "n300"),
    tools: {},
    gpus: [{ raw_name: "n300", id: "/dev/tenstorrent/0", memory_mib: 24576, bus_id: "0000:01:00.0" }],
  },
];
