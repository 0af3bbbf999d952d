import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Inventory } from "../../shared/protocol/inventory.ts";

/** The best first: what the firmware says outlives the disk, and what the system says at least the agent's state. */
const NAMES = [
  // For root alone.
  "sys/class/dmi/id/product_uuid",
  "sys/firmware/devicetree/base/serial-number",
  "etc/machine-id",
];

/** What makers of boards leave in the place of a serial number: one of these is many machines. */
const NOBODYS = /^(?:(.)\1*|03000200-0400-0500-0006-000700080009|12345678-1234-5678-90ab-cddeefaabbcc)$/;
const SHORTEST = 8;

/** What this machine is called whatever is installed on it; hashed, for the names are not everybody's to know. */
export const readMachine = (root: string): Pick<Inventory, "machine"> => {
  for (const path of NAMES) {
    const name = readName(join(root, path));
    if (name.length < SHORTEST || NOBODYS.test(name.replaceAll("-", "")) || NOBODYS.test(name)) continue;
    return { machine: createHash("sha256").update(`dstack machine ${path} ${name}`).digest("hex") };
  }
  return {};
};

const readName = (path: string): string => {
  try {
    return readFileSync(path, "utf8").replaceAll("\0", "").trim().toLowerCase();
  } catch {
    // There is no such name here, or it is not this user's to read.
    return "";
  }
};
