import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * `00000000:0A:00.0`, as NVIDIA's tools write it, or `0A:00.0` in the kernel's form, `0000:0a:00.0`. Undefined: no
 * address of a PCI function.
 */
export const busAddress = (text: string): string | undefined => {
  const found = /^(?:([0-9a-f]{4,8}):)?([0-9a-f]{2}:[0-9a-f]{2}\.[0-7])$/.exec(text.trim().toLowerCase());
  const [, domain = "0", rest] = found ?? [];
  if (rest === undefined) return undefined;
  return `${domain.replace(/^0+/, "").padStart(4, "0")}:${rest}`;
};

const devices = (root: string) => join(root, "sys/bus/pci/devices");

/** The NUMA node that a device hangs on; undefined where the machine has only one, or does not tell. */
export const numaNode = (root: string, bus: string | undefined): number | undefined => {
  const node = bus === undefined ? "" : read(join(devices(root), bus, "numa_node"));
  return /^\d{1,4}$/.test(node) ? Number(node) : undefined;
};

export interface PciFunction {
  bus: string;
  /** As in /sys: `0x10de`. */
  vendor: string;
  device: string;
  /** The kernel's driver that has it; undefined: none. */
  driver: string | undefined;
}

/** PCI base classes: display controllers, and processing accelerators (PCI Code and ID Assignment, appendix D). */
const ACCELERATOR_CLASSES = /^0x(03|12)/;

/** Display controllers and accelerators, whether or not a driver has them. */
export const listAccelerators = (root: string): PciFunction[] =>
  list(devices(root)).flatMap((bus) => {
    const attribute = (name: string) => read(join(devices(root), bus, name));
    if (!ACCELERATOR_CLASSES.test(attribute("class"))) return [];
    const driver = /^DRIVER=(.+)$/m.exec(attribute("uevent"))?.[1];
    return { bus, vendor: attribute("vendor"), device: attribute("device"), driver };
  });

/** The bus address in the `uevent` of a PCI device. */
export const slotOf = (uevent: string): string | undefined =>
  busAddress(/^PCI_SLOT_NAME=(\S+)$/m.exec(uevent)?.[1] ?? "");

/** Names in a folder, sorted; none where it is not there. */
export const list = (folder: string): string[] => {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
};

/** Text of a small file, trimmed; "" where it cannot be read. */
export const read = (path: string): string => {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
};
