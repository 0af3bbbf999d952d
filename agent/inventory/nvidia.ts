import { join } from "node:path";
import type { GpuDevice } from "../../shared/protocol/inventory.ts";
import { type Found, failed, type ReadOptions } from "./found.ts";
import { parseNvidiaList, withSlices } from "./mig.ts";
import { NVIDIA_CSV_ARGS, parseNvidiaCsv } from "./nvidiaCsv.ts";
import { GPU_UUID, type NvidiaGpu, parseNvidiaXml } from "./nvidiaXml.ts";
import { parseNvlinks } from "./nvlink.ts";
import { busAddress, list, read } from "./pci.ts";
import { askTool } from "./tool.ts";

/**
 * GPUs and MIG slices that `nvidia-smi` lists, with how they do; and those that only the kernel's driver still lists:
 * a GPU that fell off the bus makes some versions of the tool give up on all of them.
 */
export const readNvidiaGpus = async (options: ReadOptions): Promise<Found> => {
  const all = await askForAll(options);
  const { gpus: listed, failure } = all;
  const lost = await askForRest(options, all);
  const gpus = [...listed, ...lost].sort((a, b) => byBus(a.device, b.device));
  const slices = gpus.some((gpu) => gpu.slices !== undefined)
    ? parseNvidiaList((await askTool("nvidia-smi", ["-L"], options)).stdout)
    : [];
  const { gpus: devices, failures } = withSlices(gpus, slices);
  const links = await findNvlinks(options, listed);
  return {
    gpus: devices.map((device) =>
      links.has(device.bus_id ?? "") ? { ...device, interconnect: "nvlink" } : device,
    ),
    // Once each of them is told about, it is in nobody's way.
    failures: [...(failure === undefined || lost.length > 0 ? [] : [failure]), ...failures],
  };
};

const byBus = (a: GpuDevice, b: GpuDevice): number =>
  (a.bus_id ?? "").localeCompare(b.bus_id ?? "") || a.index - b.index;

interface Listed {
  gpus: NvidiaGpu[];
  failure?: string;
  /** It is not there or hangs: asked again, it would do so again. */
  isMute?: boolean;
}

const askForAll = async (options: ReadOptions): Promise<Listed> => {
  const xml = await askTool("nvidia-smi", ["-q", "-x"], options);
  const gpus = parseNvidiaXml(xml.stdout);
  if (gpus.length > 0) return xml.failure === undefined ? { gpus } : { gpus, failure: xml.failure };
  if (xml.failure !== undefined && xml.exitCode === undefined)
    return { gpus: [], failure: xml.failure, isMute: true };
  const csv = await askTool("nvidia-smi", NVIDIA_CSV_ARGS, options);
  const rows = parseNvidiaCsv(csv.stdout).map((device) => ({ device, slices: undefined }));
  const failure = rows.length > 0 ? csv.failure : (xml.failure ?? csv.failure);
  return failure === undefined ? { gpus: rows } : { gpus: rows, failure };
};

/** GPUs in a host, of all sorts of hosts, are fewer; each one costs a call of the tool. */
const MOST_ASKED_SINGLY = 16;

/** Those that the kernel's driver knows and the tool did not list, asked for one by one. */
const askForRest = async (
  options: ReadOptions,
  { gpus: listed, failure, isMute }: Listed,
): Promise<NvidiaGpu[]> => {
  const folder = join(options.root, "proc/driver/nvidia/gpus");
  const known = new Set(listed.map(({ device }) => device.bus_id));
  const rest = list(folder)
    .flatMap((name) => {
      const bus = busAddress(name);
      const facts = read(join(folder, name, "information"));
      // An administrator can tell the driver to leave one alone.
      const isLeftOut = /^GPU Excluded:\s*Yes$/m.test(facts);
      return bus === undefined || known.has(bus) || isLeftOut ? [] : { bus, facts };
    })
    .slice(0, MOST_ASKED_SINGLY);
  return Promise.all(
    rest.map(async ({ bus, facts }) => {
      const answer = isMute ? undefined : await askTool("nvidia-smi", ["-q", "-x", "-i", bus], options);
      const found = parseNvidiaXml(answer?.stdout ?? "").find(({ device }) => device.bus_id === bus);
      if (found) return found;
      const said = answer?.failure ?? failure ?? "nvidia-smi does not list it";
      return { device: lostGpu(bus, facts, said), slices: undefined };
    }),
  );
};

const lostGpu = (bus: string, facts: string, reason: string): GpuDevice => {
  const uuid = /^GPU UUID:\s*(\S+)$/m.exec(facts)?.[1] ?? "";
  return {
    vendor: "nvidia",
    raw_name: /^Model:\s*(\S.*)$/m.exec(facts)?.[1] ?? "NVIDIA GPU",
    id: GPU_UUID.test(uuid) ? uuid : bus,
    index: 0,
    memory_mib: 0,
    bus_id: bus,
    health: failed(reason),
  };
};

/** Bus addresses of GPUs with NVLinks to others; asked for once as long as the same GPUs are there. */
const findNvlinks = async (options: ReadOptions, gpus: readonly NvidiaGpu[]): Promise<Set<string>> => {
  if (gpus.length < 2) return new Set();
  const key = `nvlink ${gpus.map(({ device }) => device.id).join(" ")}`;
  let matrix = options.memory.get(key);
  if (matrix === undefined) {
    const answer = await askTool("nvidia-smi", ["topo", "-m"], options);
    matrix = answer.stdout;
    if (answer.failure === undefined) options.memory.set(key, matrix);
  }
  const indices = parseNvlinks(matrix);
  return new Set(gpus.flatMap(({ device }, index) => (indices.has(index) ? (device.bus_id ?? []) : [])));
};
