import { expect, test } from "bun:test";
import { anInstance } from "../../testing/anInstance.ts";
import { totalBlocksOf, whyUndivided } from "./division.ts";
import { allot, chooseNeighbours, hasAnyRoom, hasRoom, usedBlocks } from "./occupancy.ts";

/** `#` is taken, `.` is free. */
const free = (places: string) => [...places].map((place) => place === ".");

test.each([
  ["........", 2, [0, 1]],
  ["#.......", 2, [2, 3]],
  [".#......", 1, [0]],
  ["...#....", 2, [0, 1]],
  ["#..#....", 4, [4, 5, 6, 7]],
  ["#..#..##", 2, [4, 5]],
  ["#.#.#.#.", 3, [1, 3, 5]],
  ["####", 1, undefined],
  ["####", 0, []],
])("chooseNeighbours() of %s for %d", (places, count, expected) => {
  expect(chooseNeighbours(free(places), count)).toEqual(expected);
});

const gpus = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    vendor: "nvidia" as const,
    raw_name: "NVIDIA H100 80GB HBM3",
    id: `GPU-${index}`,
    index,
    memory_mib: 81_559,
  }));

const host = (blocks: number | "auto", count = 8) =>
  anInstance({ blocks }, { cpus: 192, memory_mib: 2_097_153, gpus: gpus(count) });

test("a part has limits and devices of its own; the whole has no limits", () => {
  const instance = host("auto");
  const first = allot({ instance, occupants: new Map() }, { blocks: 2 });
  expect(first).toEqual({
    blocks: 2,
    total: 8,
    cpus: 48,
    memory_mib: 524_288,
    gpu_ids: ["GPU-0", "GPU-1"],
  });
  const occupants = new Map(first ? [["s", first]] : []);
  expect(allot({ instance, occupants }, { blocks: 4 })?.gpu_ids).toEqual([
    "GPU-4",
    "GPU-5",
    "GPU-6",
    "GPU-7",
  ]);
  expect(allot({ instance, occupants }, { blocks: 8 })).toBeUndefined();
  expect(allot({ instance, occupants: new Map() }, { blocks: 8 })).toMatchObject({
    cpus: null,
    memory_mib: null,
  });
});

test("a part has devices of one vendor, and so many as there are for it", () => {
  const amd = [0, 1].map((index) => ({
    ...{ vendor: "amd" as const, raw_name: "AMD Instinct MI210", memory_mib: 65_520 },
    ...{ id: `/dev/dri/renderD${128 + index}`, index },
  }));
  const instance = anInstance({ blocks: 8 }, { cpus: 192, gpus: [...amd, ...gpus(8)] });
  expect(totalBlocksOf(instance)).toBe(8);
  const occupants = new Map();
  const take = (blocks: number, vendor: "nvidia" | "amd") => {
    const share = allot({ instance, occupants }, { blocks, vendor });
    if (share) occupants.set(`job ${occupants.size}`, share);
    return share?.gpu_ids;
  };
  expect(take(1, "amd")).toEqual([]);
  expect(take(4, "amd")).toEqual(["/dev/dri/renderD128"]);
  expect(take(2, "nvidia")).toEqual(["GPU-0", "GPU-1"]);
  expect(hasRoom({ instance, occupants }, { blocks: 1, vendor: "amd" })).toBe(true);
  expect(hasRoom({ instance, occupants }, { blocks: 4, vendor: "amd" })).toBe(false);
  expect(hasAnyRoom({ instance, occupants })).toBe(true);
  expect(take(1, "nvidia")).toEqual(["GPU-2"]);
  expect(hasAnyRoom({ instance, occupants })).toBe(false);
});

test("a host that is silent or on its way out has no room", () => {
  const occupants = new Map();
  expect(hasRoom({ instance: host(8), occupants }, { blocks: 8 })).toBe(true);
  expect(hasRoom({ instance: host(8), occupants }, { blocks: 9 })).toBe(false);
  expect(hasRoom({ instance: { ...host(8), unreachable: true }, occupants }, { blocks: 1 })).toBe(false);
  expect(hasRoom({ instance: { ...host(8), status: "terminating" }, occupants }, { blocks: 1 })).toBe(false);
});

test("what was given out before a host was divided anew still counts", () => {
  const share = allot({ instance: host(8), occupants: new Map() }, { blocks: 3 });
  const occupants = new Map(share ? [["s", share]] : []);
  expect(usedBlocks({ instance: host(4), occupants })).toBe(2);
  expect(usedBlocks({ instance: host(1), occupants })).toBe(1);
  expect(hasRoom({ instance: host(4), occupants }, { blocks: 2 })).toBe(true);
  expect(hasRoom({ instance: host(4), occupants }, { blocks: 3 })).toBe(false);
});

test("a host that cannot be divided evenly says so", () => {
  expect(totalBlocksOf(host(5))).toBeUndefined();
  expect(whyUndivided(host(5))).toBe("Cannot split into blocks: 192 CPUs and 8 GPUs are not divisible by 5");
  expect(whyUndivided(host("auto", 7))).toBe(
    "Cannot split into blocks: 192 CPUs and 7 GPUs are not divisible by 7",
  );
  expect(totalBlocksOf(host("auto", 0))).toBe(192);
});
