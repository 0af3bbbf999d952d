import { join } from "node:path";
import { z } from "zod";
import type { GpuDevice } from "../../shared/protocol/inventory.ts";
import { type Found, known, type ReadOptions } from "./found.ts";
import { busAddress, list, read, slotOf } from "./pci.ts";
import { askTool } from "./tool.ts";

/** A board as `tt-smi -s` lists it, remote chips added to it. */
export interface TenstorrentBoard {
  name: string;
  /** That of the board, which both chips of an n300 share. */
  boardId: string;
  bus: string | undefined;
  memory_mib: number;
}

/**
 * Boards that `tt-smi -s` lists or, where it is not installed, that the kernel's driver does. The tool is asked once as
 * long as the same device nodes are there: it opens every chip, which jobs notice.
 */
export const readTenstorrents = async (options: ReadOptions): Promise<Found> => {
  const { root, memory } = options;
  const nodes = list(join(root, "dev/tenstorrent"))
    .filter((name) => /^\d{1,4}$/.test(name))
    .sort((a, b) => Number(a) - Number(b));
  if (nodes.length === 0) return { gpus: [], failures: [] };
  const key = `tt-smi ${nodes.join(" ")}`;
  const cards = nodes.map((node) => cardOf(root, node));
  let snapshot = memory.get(key);
  let failure: string | undefined;
  if (snapshot === undefined) {
    const answer = await askTool("tt-smi", ["-s"], options);
    snapshot = answer.stdout;
    failure = answer.failure;
    if (failure === undefined) memory.set(key, snapshot);
  }
  const boards = parseTtSmi(snapshot);
  const driver = known(read(join(root, "sys/module/tenstorrent/version")));
  const gpus = cards.flatMap((card, index): GpuDevice[] => {
    const board =
      boards.find(({ bus }) => bus !== undefined && bus === card.bus) ?? withoutBus(boards, cards, index);
    const name = board?.name ?? card.name;
    if (name === undefined) return [];
    return [
      {
        vendor: "tenstorrent",
        raw_name: name,
        id: `/dev/tenstorrent/${card.node}`,
        index,
        memory_mib: board?.memory_mib ?? boardMemory(name),
        ...(card.bus ? { bus_id: card.bus } : {}),
        ...(driver ? { driver_version: driver } : {}),
      },
    ];
  });
  const isWhole = gpus.length === nodes.length;
  return {
    gpus,
    failures: isWhole ? [] : [failure ?? "tt-smi does not list every device in /dev/tenstorrent"],
  };
};

/** Where the kernel does not tell bus addresses the order has to do (docs/spec/agent.md §1.5). */
const withoutBus = (
  boards: readonly TenstorrentBoard[],
  cards: readonly { bus: string | undefined }[],
  index: number,
): TenstorrentBoard | undefined => (cards.every(({ bus }) => bus === undefined) ? boards[index] : undefined);

/** What the kernel's driver (tt-kmd) tells of a device node. */
const cardOf = (root: string, node: string) => {
  const folder = join(root, "sys/class/tenstorrent", `tenstorrent!${node}`);
  const type = known(read(join(folder, "tt_card_type")));
  return {
    node,
    bus: slotOf(read(join(folder, "device/uevent"))),
    name: type === undefined ? undefined : boardName(type),
  };
};

const Snapshot = z.object({
  device_info: z.array(
    z
      .object({
        board_info: z.object({
          bus_id: z.string().catch("N/A"),
          board_type: z.string(),
          board_id: z.string().catch(""),
        }),
      })
      .nullable()
      .catch(null),
  ),
});

const ALIASES: [RegExp, string][] = [
  [/^(bh-scrappy|p100)$/, "p100a"],
  [/^p150/, "p150"],
  [/^p300/, "p300"],
];

const boardName = (type: string): string => ALIASES.find(([pattern]) => pattern.test(type))?.[1] ?? type;

const BLACKHOLE = new Set(["p100a", "p150", "p300", "tt-galaxy-bh"]);

/** MiB of one chip, by the beginning of the board's name (docs/spec/agent.md §1.5). */
const CHIP_MEMORY: [string, number][] = [
  ["n150", 12_288],
  ["n300", 12_288],
  ["tt-galaxy-wh", 12_288],
  ["p100a", 28_672],
  ["p150", 32_768],
  ["p300", 32_768],
  ["tt-galaxy-bh", 32_768],
];

const chipMemory = (name: string): number =>
  CHIP_MEMORY.find(([prefix]) => name.startsWith(prefix))?.[1] ?? 0;

/** An n300 has a second chip behind the one on the bus. */
const boardMemory = (name: string): number => chipMemory(name) * (name.startsWith("n300") ? 2 : 1);

/** The rules of docs/spec/agent.md §1.5: which chips are boards of their own, and which add to another's memory. */
export const parseTtSmi = (stdout: string): TenstorrentBoard[] => {
  const parsed = Snapshot.safeParse(parseJson(stdout));
  if (!parsed.success) return [];
  const chips = parsed.data.device_info.flatMap((device) => {
    if (!device) return [];
    const { board_type, board_id: boardId, bus_id } = device.board_info;
    const [, type = "", suffix = ""] = /^(.*?)(?: ([LR]))?$/.exec(board_type.trim()) ?? [];
    const name = boardName(type);
    return name === "" ? [] : { name, suffix, boardId, bus: busAddress(bus_id) };
  });
  const boards: TenstorrentBoard[] = [];
  const add = ({ name, boardId, bus }: (typeof chips)[number]) =>
    boards.push({ name, boardId, bus, memory_mib: chipMemory(name) });
  const grow = (board: TenstorrentBoard | undefined, name: string) => {
    if (board) board.memory_mib += chipMemory(name);
  };
  for (const chip of chips.filter(({ suffix }) => suffix === "L")) add(chip);
  for (const chip of chips) {
    const { name, boardId, bus, suffix } = chip;
    const isBlackhole = BLACKHOLE.has(name);
    const board = boards.find((one) => one.boardId === boardId && (!isBlackhole || one.name === name));
    if (suffix === "R") grow(board, name);
    if (suffix !== "") continue;
    const isOwn = isBlackhole ? bus !== undefined : board === undefined;
    if (isOwn) add(chip);
    else grow(board, name);
  }
  return boards;
};

const parseJson = (stdout: string): unknown => {
  const start = stdout.indexOf("{");
  try {
    return start < 0 ? undefined : JSON.parse(stdout.slice(start));
  } catch {
    return undefined;
  }
};
