import { join } from "node:path";
import { read } from "./pci.ts";

/** Where distributions keep the PCI ID database. */
const PLACES = ["usr/share/misc/pci.ids", "usr/share/hwdata/pci.ids"];

/** AMD Instinct, which databases of older distributions do not know (pci-ids.ucw.cz, vendor 1002). */
const INSTINCT: Record<string, string> = {
  "0x738c": "MI100",
  "0x738e": "MI100",
  "0x7408": "MI250X",
  "0x740c": "MI250X",
  "0x740f": "MI210",
  "0x74a0": "MI300A",
  "0x74a1": "MI300X",
  "0x74a2": "MI308X",
  "0x74a5": "MI325X",
  "0x74b5": "MI300X VF",
  "0x75a0": "MI350X",
  "0x75a3": "MI355X",
};

/** What a device of AMD is sold as, without a tool of AMD: `AMD Instinct MI210`, `AMD Radeon RX 7900 XT`. */
export const amdProductName = (root: string, device: string): string => {
  const instinct = INSTINCT[device];
  if (instinct !== undefined) return `AMD Instinct ${instinct}`;
  for (const place of PLACES) {
    const [, vendor = ""] = /^1002 {2}.*\n((?:[\t#].*\n|\n)*)/m.exec(`${read(join(root, place))}\n`) ?? [];
    const name = new RegExp(`^\\t${device.slice(2)} {2}(.+)$`, "m").exec(vendor)?.[1];
    // `Navi 31 [Radeon RX 7900 XT/7900 XTX]`: the chip, and what it is sold as.
    if (name) return `AMD ${(/\[([^\]]+)\]/.exec(name)?.[1] ?? name).split("/")[0]?.trim()}`;
  }
  return `AMD GPU ${device}`;
};
