import type { GpuVendor } from "./gpu.ts";

/**
 * Known accelerators: name, memory sizes in GiB, and for NVIDIA the compute capability. Names and sizes are those that
 * docs/spec/agent.md §1.6 and configuration.md §1.3 list; capabilities are from NVIDIA's table "CUDA GPU Compute
 * Capability" (developer.nvidia.com/cuda-gpus).
 */
const TABLE: Record<Exclude<GpuVendor, "google">, string> = {
  nvidia: `
    P100 16 6.0; V100 16,32 7.0; T4 16 7.5; RTX6000 24 7.5;
    RTX2060 6,12 7.5; RTX2060SUPER 8 7.5; RTX2070 8 7.5; RTX2070SUPER 8 7.5; RTX2080 8 7.5; RTX2080SUPER 8 7.5;
    RTX2080Ti 11 7.5;
    A100 40,80 8.0; A10 24 8.6; A10G 24 8.6; A16 16 8.6; A40 48 8.6; A4000 16 8.6; A4500 20 8.6; A5000 24 8.6;
    A6000 48 8.6;
    RTX3050 6,8 8.6; RTX3060 8,12 8.6; RTX3060Ti 8 8.6; RTX3070 8 8.6; RTX3070Ti 8 8.6; RTX3080 10 8.6;
    RTX3080Ti 12 8.6; RTX3090 24 8.6; RTX3090Ti 24 8.6;
    L4 24 8.9; L40 48 8.9; L40S 48 8.9; RTX2000Ada 16 8.9; RTX4000Ada 20 8.9; RTX6000Ada 48 8.9;
    RTX4060 8 8.9; RTX4060Ti 8,16 8.9; RTX4070 12 8.9; RTX4070SUPER 12 8.9; RTX4070Ti 12 8.9; RTX4070TiSUPER 16 8.9;
    RTX4080 16 8.9; RTX4080SUPER 16 8.9; RTX4090 24 8.9;
    H100 80 9.0; H100NVL 94 9.0; H200 141 9.0; H200NVL 141 9.0; GH200 96 9.0;
    B200 180 10.0; GB200 186 10.0; B300 270 10.3;
    RTX5060 8 12.0; RTX5060Ti 8,16 12.0; RTX5070 12 12.0; RTX5070Ti 16 12.0; RTX5080 16 12.0; RTX5090 32 12.0;
    RTXPRO4500 32 12.0; RTXPRO6000 96 12.0`,
  amd: `
    MI100 32; MI210 64; MI250 128; MI250X 128; MI300A 128; MI300X 192; MI308X 128; MI325X 288; MI350X 288; MI355X 288`,
  intel: "Gaudi 32; Gaudi2 96; Gaudi3 128",
  tenstorrent: "n150 12; n300 24; tt-galaxy-wh 12; p100a 28; p150 32; p300 32,64; tt-galaxy-bh 32",
};

interface KnownGpu {
  name: string;
  vendor: GpuVendor;
  memory_gib: readonly number[];
  compute_capability: readonly [major: number, minor: number] | undefined;
}

const parseEntry = (vendor: GpuVendor, entry: string): KnownGpu => {
  const [name = "", sizes = "", capability] = entry.trim().split(/\s+/);
  const [major, minor] = capability?.split(".").map(Number) ?? [];
  return {
    name,
    vendor,
    memory_gib: sizes.split(",").map(Number),
    compute_capability: major === undefined || minor === undefined ? undefined : [major, minor],
  };
};

let known: Map<string, KnownGpu> | undefined;

const catalogue = (): Map<string, KnownGpu> => {
  known ??= new Map(
    Object.entries(TABLE).flatMap(([vendor, entries]) =>
      entries
        .split(";")
        .map((entry) => parseEntry(vendor as GpuVendor, entry))
        .map((gpu) => [gpu.name.toLowerCase(), gpu] as const),
    ),
  );
  return known;
};

const isTpu = (name: string) => /^v(?:2|3|4|5p|5litepod|6e)-\d+$/i.test(name);

/** What the catalogue has of a name, whatever its case; of the whole GPU for the name of a slice. */
const find = (name: string): KnownGpu | undefined =>
  catalogue().get(name.toLowerCase().replace(/-\d+g\.\d+gb\S*$/, ""));

/** The vendor of a name as the catalogue has it. */
export const vendorOfName = (name: string): GpuVendor | undefined =>
  find(name)?.vendor ?? (isTpu(name) ? "google" : undefined);

export const capabilityOf = (name: string): readonly [number, number] | undefined =>
  find(name)?.compute_capability;

/** A slice is no GPU of its parent's name, and is asked for by its own: `A100-1g.5gb`. */
const nvidiaName = (raw: string): string => {
  const [, whole, profile] = /^(.*) MIG(?: (\S+))?$/.exec(raw) ?? [];
  return whole === undefined ? wholeNvidiaName(raw) : `${wholeNvidiaName(whole)}-${profile ?? "MIG"}`;
};

const wholeNvidiaName = (raw: string): string => {
  const text = raw.replace(/NVIDIA |Tesla |Quadro |GeForce | SFF\b| \(nvgpu\)/g, "").trim();
  if (text.includes("GH200")) return "GH200";
  const pro = /RTX PRO (\d+)/i.exec(text);
  if (pro) return `RTXPRO${pro[1]}`;
  const workstation = /RTX (A\d+)/.exec(text);
  if (workstation?.[1]) return workstation[1];
  const compact = text
    .replace(/ Ti/g, "Ti")
    .replace(/ ?super/gi, "SUPER")
    .replace(/ NVL/g, "NVL")
    .replace(/ Ada Generation/g, "Ada")
    .replace(/RTX /g, "RTX");
  return /\b(?:GB|[ABHLPTV])\d+\w*/.exec(compact)?.[0] ?? compact.replaceAll(" ", "");
};

const amdName = (raw: string): string => {
  const name = /^(?:AMD )?(?:Instinct )?(MI\d{1,3}[A-Z]?(?:-\w+)?)(?:\s|$)/i.exec(raw)?.[1] ?? raw;
  return name === "MI300X-O" ? "MI300X" : name;
};

const intelName = (raw: string): string => {
  if (raw.startsWith("HL-205")) return "Gaudi";
  if (raw.startsWith("HL-225")) return "Gaudi2";
  return /^HL-3(?:25|38)/.test(raw) ? "Gaudi3" : raw;
};

const nameOf = (vendor: GpuVendor, raw: string): string => {
  if (vendor === "nvidia") return nvidiaName(raw);
  if (vendor === "amd") return amdName(raw);
  return vendor === "intel" ? intelName(raw) : raw;
};

/** Drivers keep some memory for themselves: a size this near to a catalogue size is meant to be it. */
const TOLERANCE = 0.07;
/** Of slices they keep more, and what is meant stands in the name. */
const SLICE_TOLERANCE = 0.12;

const snapMemory = (name: string, memoryMib: number): number => {
  const gib = memoryMib / 1024;
  const slice = /-\d+g\.(\d+)gb\S*$/i.exec(name)?.[1];
  const sizes = slice === undefined ? (find(name)?.memory_gib ?? []) : [Number(slice)];
  const tolerance = slice === undefined ? TOLERANCE : SLICE_TOLERANCE;
  const distance = (size: number) => Math.abs(gib - size);
  const [closest] = [...sizes].sort((a, b) => distance(a) - distance(b));
  if (closest !== undefined && distance(closest) / closest < tolerance) return closest * 1024;
  return Math.round(gib) * 1024;
};

/**
 * What the vendor's tool says, in the words and sizes that configurations use (docs/spec/agent.md §1.6), e.g.
 * `NVIDIA H100 80GB HBM3` with 81,559 MiB is an H100 with 81,920.
 */
export const catalogueGpu = (
  vendor: GpuVendor,
  rawName: string,
  memoryMib: number,
): { name: string; memory_mib: number } => {
  const name = nameOf(vendor, rawName.trim());
  return { name, memory_mib: snapMemory(name, memoryMib) };
};
