import { join } from "node:path";
import type { GpuDevice } from "../../shared/protocol/inventory.ts";
import { type Found, failed, known, type ReadOptions } from "./found.ts";
import { busAddress, list, read, slotOf } from "./pci.ts";
import { askTool } from "./tool.ts";

/** Of the Gaudi documentation, "System Management Interface Tool"; the second is the reference's (agent.md §1.4). */
const QUERIES = [
  ["index", "module_id", "name", "memory.total", "bus_id", "driver_version"],
  ["name", "memory.total", "index"],
];

/** Intel Gaudi cards that `hl-smi` lists, each with its device node and what the kernel says of its state. */
export const readGaudis = async (options: ReadOptions): Promise<Found> => {
  let failure: string | undefined;
  for (const query of QUERIES) {
    const args = [`--query-aip=${query.join(",")}`, "--format=csv,noheader,nounits"];
    const answer = await askTool("hl-smi", args, options);
    const cards = parseHlSmi(answer.stdout, query);
    if (cards.length > 0) return { gpus: cards.map((card) => toDevice(options.root, card)), failures: [] };
    failure ??= answer.failure;
    // One that is not there or hangs would do so again.
    if (answer.failure !== undefined && answer.exitCode === undefined) break;
  }
  return { gpus: [], failures: [failure ?? "hl-smi lists no card"] };
};

export type GaudiCard = Omit<GpuDevice, "id">;

/** Rows with the fields of the query, no more and no fewer; others are complaints. */
export const parseHlSmi = (stdout: string, query: readonly string[]): GaudiCard[] =>
  stdout.split("\n").flatMap((line) => {
    const values = line.split(",").map((value) => value.trim());
    if (values.length !== query.length) return [];
    const field = (name: string) => known(values[query.indexOf(name)] ?? "");
    const whole = (name: string, digits: number) => {
      const text = field(name) ?? "";
      return new RegExp(`^\\d{1,${digits}}$`).test(text) ? Number(text) : undefined;
    };
    const [index, name] = [whole("index", 4), field("name")];
    if (index === undefined || name === undefined) return [];
    const [module, bus, driver] = [
      whole("module_id", 4),
      busAddress(field("bus_id") ?? ""),
      field("driver_version"),
    ];
    return {
      vendor: "intel" as const,
      raw_name: name,
      index,
      memory_mib: whole("memory.total", 9) ?? 0,
      ...(module === undefined ? {} : { module_id: module }),
      ...(bus ? { bus_id: bus } : {}),
      ...(driver ? { driver_version: driver } : {}),
    };
  });

/**
 * Other accelerators (neural units of processors) have nodes in /dev/accel too, so the card's number is not always the
 * node's. Drivers before 1.10 made /dev/hl0.
 */
const toDevice = (root: string, card: GaudiCard): GpuDevice => {
  const classes = join(root, "sys/class/accel");
  const found = list(classes).find(
    (name) =>
      /^accel\d+$/.test(name) &&
      card.bus_id !== undefined &&
      slotOf(read(join(classes, name, "device/uevent"))) === card.bus_id,
  );
  const isOld = found === undefined && list(join(root, "dev")).includes(`hl${card.index}`);
  const name = found ?? (isOld ? `hl${card.index}` : `accel${card.index}`);
  // `operational`, `in reset`, `needs reset`, `disabled` (Documentation/ABI/testing/sysfs-driver-habanalabs).
  const status = found === undefined ? "" : read(join(classes, found, "device/status"));
  const isFit = status === "" || /^(operational|in reset after device release)$/i.test(status);
  return {
    ...card,
    id: isOld ? `/dev/${name}` : `/dev/accel/${name}`,
    ...(isFit ? {} : { health: failed(`The driver says: ${status}`) }),
  };
};
