import { join } from "node:path";
import { list, read } from "./pci.ts";

/** A GPU in the topology of AMD's compute driver: what its libraries (ROCr, HIP) count by. */
export interface KfdGpu {
  bus: string;
  /** Its render node: `/dev/dri/renderD128`. */
  renderNode: string;
  /** Whether an xGMI link leads to another GPU. */
  hasXgmi: boolean;
  /** Memory of its own, MiB. */
  memoryMib: number;
  /** PCI device id as in /sys: `0x74a1`. */
  device: string;
}

/** `HSA_IOLINKTYPE_XGMI` of the kernel's kfd_topology.h. */
const XGMI = 11;
/** Heap types of local memory there: public and private frame buffer. */
const LOCAL_HEAPS = new Set([1, 2]);

type Properties = Map<string, number>;

const properties = (path: string): Properties =>
  new Map(
    [...read(path).matchAll(/^(\w+) (\d{1,20})$/gm)].map(([, key = "", value]) => [key, Number(value)]),
  );

/** In the order of the nodes, which is that of the indices that ROCr and HIP use. */
export const listKfdGpus = (root: string): KfdGpu[] => {
  const nodes = join(root, "sys/class/kfd/kfd/topology/nodes");
  return list(nodes)
    .sort((a, b) => Number(a) - Number(b))
    .flatMap((node) => {
      const facts = properties(join(nodes, node, "properties"));
      const [minor, location] = [facts.get("drm_render_minor") ?? 0, facts.get("location_id") ?? 0];
      if (!facts.get("simd_count") || minor < 128) return [];
      const under = (kind: string) =>
        list(join(nodes, node, kind)).map((name) => properties(join(nodes, node, kind, name, "properties")));
      const memory = under("mem_banks")
        .filter((bank) => LOCAL_HEAPS.has(bank.get("heap_type") ?? 0))
        .reduce((sum, bank) => sum + (bank.get("size_in_bytes") ?? 0), 0);
      const links = [...under("io_links"), ...under("p2p_links")];
      return {
        bus: busOf(facts.get("domain") ?? 0, location),
        renderNode: `/dev/dri/renderD${minor}`,
        hasXgmi: links.some((link) => link.get("type") === XGMI),
        memoryMib: Math.floor(memory / 1024 ** 2),
        device: `0x${(facts.get("device_id") ?? 0).toString(16).padStart(4, "0")}`,
      };
    });
};

/** A location is bus, device and function in 16 bits. */
const busOf = (domain: number, location: number): string => {
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, "0");
  const [bus, device, fn] = [(location >> 8) & 0xff, (location >> 3) & 0x1f, location & 7];
  return `${hex(domain, 4)}:${hex(bus, 2)}:${hex(device, 2)}.${fn}`;
};
