import { expect, test } from "bun:test";
import type { GpuDevice } from "../../../shared/protocol/inventory.ts";
import { anInstance } from "../../testing/anInstance.ts";
import { totalBlocksOf } from "./division.ts";
import { healthOf } from "./health.ts";
import { instanceTypeOf, wholeTypeOf } from "./instanceType.ts";
import { allot, hasRoom } from "./occupancy.ts";
import { countDevices, offeredGpus, vendorsOf } from "./offeredGpus.ts";

const gpu = (index: number, health?: GpuDevice["health"]): GpuDevice => ({
  vendor: "nvidia",
  raw_name: "NVIDIA H100 80GB HBM3",
  id: `GPU-${index}`,
  index,
  memory_mib: 81_559,
  bus_id: `0000:${index}a:00.0`,
  ...(health ? { health } : {}),
});
const warning = { status: "warning", reason: "hot" } as const;
const failure = { status: "failure", reason: "GPU is lost" } as const;
const host = (gpus: GpuDevice[], heldOut: GpuDevice[], more: Record<string, unknown> = {}) =>
  anInstance({ blocks: 4 }, { cpus: 8, gpus, held_out_gpus: heldOut, ...more });

test.each([
  ["healthy", host([gpu(0)], []), null],
  ["healthy", anInstance({}, {}), null],
  ["healthy", host([gpu(0, { status: "healthy", reason: "" })], []), null],
  ["warning", host([gpu(0, warning)], []), "NVIDIA H100 80GB HBM3 at 0000:0a:00.0: hot"],
  [
    "warning",
    host([gpu(0)], [gpu(1, failure)]),
    "NVIDIA H100 80GB HBM3 at 0000:1a:00.0 is held out: GPU is lost",
  ],
  ["warning", host([], [], { gpu_failure: "nvidia-smi hangs" }), "nvidia-smi hangs"],
  ["failure", host([], [gpu(1, failure)]), "NVIDIA H100 80GB HBM3 at 0000:1a:00.0 is held out: GPU is lost"],
] as const)("healthOf() is %s", (status, { inventory }, reason) => {
  expect(healthOf(inventory)).toMatchObject({ status, reason });
});

test("healthOf() tells of each device by itself", () => {
  const { inventory } = host([gpu(0), gpu(1, warning)], [gpu(2, failure)], {
    gpu_failure: "nvidia-smi hangs",
  });
  expect(healthOf(inventory).events).toEqual([
    { status: "failure", message: "NVIDIA H100 80GB HBM3 at 0000:2a:00.0 is held out: GPU is lost" },
    { status: "warning", message: "NVIDIA H100 80GB HBM3 at 0000:1a:00.0: hot" },
    { status: "warning", message: "nvidia-smi hangs" },
  ]);
});

test("a device that fails takes its own block from a host and leaves the others as they were", () => {
  const instance = host([gpu(0), gpu(1), gpu(3)], [gpu(2, failure)]);
  expect(countDevices(instance.inventory)).toBe(4);
  expect(totalBlocksOf(instance)).toBe(4);
  expect(instanceTypeOf(instance.inventory).resources.gpus).toHaveLength(3);
  const occupants = new Map();
  for (const [at, id] of ["GPU-0", "GPU-1", "GPU-3"].entries()) {
    expect(hasRoom({ instance, occupants }, { blocks: 1 })).toBe(true);
    const share = allot({ instance, occupants }, { blocks: 1 });
    expect(share).toMatchObject({ blocks: 1, total: 4, cpus: 2, gpu_ids: [id] });
    occupants.set(String(at), share);
  }
  expect(hasRoom({ instance, occupants }, { blocks: 1 })).toBe(false);
  expect(allot({ instance, occupants }, { blocks: 1 })).toBeUndefined();
  // Whoever takes all of it takes what is left.
  expect(allot({ instance, occupants: new Map() }, { blocks: 4 })?.gpu_ids).toEqual([
    "GPU-0",
    "GPU-1",
    "GPU-3",
  ]);
});

test("of several vendors' devices each vendor's are offered; by the first one's the host is divided", () => {
  const amd = {
    ...gpu(0),
    vendor: "amd" as const,
    id: "/dev/dri/renderD128",
    raw_name: "AMD Instinct MI210",
  };
  const mixed = anInstance(
    { blocks: 1 },
    { cpus: 8, gpus: [amd, gpu(0), gpu(1)], held_out_gpus: [{ ...amd, id: "x" }] },
  );
  const { inventory } = mixed;
  expect(vendorsOf(inventory)).toEqual(["nvidia", "amd"]);
  expect(offeredGpus(inventory).map(({ id }) => id)).toEqual(["GPU-0", "GPU-1"]);
  expect(offeredGpus(inventory, "amd").map(({ id }) => id)).toEqual(["/dev/dri/renderD128"]);
  expect(instanceTypeOf(inventory, "amd").resources.gpus.map(({ name }) => name)).toEqual(["MI210"]);
  const names = wholeTypeOf(mixed).resources.gpus.map(({ name }) => name);
  expect(names).toEqual(["H100", "H100", "MI210"]);
  const given = (vendor?: "amd") => allot({ instance: mixed, occupants: new Map() }, { blocks: 1, vendor });
  expect(given()?.gpu_ids).toEqual(["GPU-0", "GPU-1"]);
  expect(given("amd")?.gpu_ids).toEqual(["/dev/dri/renderD128"]);
  expect([countDevices(inventory), countDevices(inventory, "amd")]).toEqual([2, 2]);
  // All of the first vendor's fail: the host stays divided as it was, and only the second one's are offered.
  const failing = { ...inventory, gpus: [amd], held_out_gpus: [gpu(0, failure), gpu(1, failure)] };
  expect(vendorsOf(failing)).toEqual(["amd"]);
  expect(countDevices(failing)).toBe(2);
  expect(healthOf(failing).status).toBe("warning");
});
