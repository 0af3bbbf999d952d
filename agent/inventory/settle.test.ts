import { describe, expect, test } from "bun:test";
import type { GpuDevice, Inventory } from "../../shared/protocol/inventory.ts";
import { isUrgent, type Settled, settle, settledOn } from "./settle.ts";

const HOST: Inventory = {
  hostname: "h",
  arch: "x86",
  os: "Linux",
  cpus: 8,
  memory_mib: 32_768,
  disk_mib: 100_000,
  gpus: [],
  addresses: ["10.0.0.7/24"],
  runtime: "docker",
  engine_version: "28.2.2",
};
const gpu = (id: string, more: Partial<GpuDevice> = {}): GpuDevice => ({
  vendor: "nvidia",
  raw_name: "NVIDIA L4",
  id,
  index: 0,
  memory_mib: 23_034,
  ...more,
});
const lost = { health: { status: "failure", reason: "GPU is lost" } } as const;
const hot = { health: { status: "warning", reason: "hot" } } as const;
const [fit, failing, warned] = [gpu("a"), gpu("a", lost), gpu("a", hot)];

/** What one reading has of device `a`, and of the tool. */
const READINGS = {
  fit: { gpus: [fit] },
  warned: { gpus: [warned] },
  failing: { gpus: [], held_out_gpus: [failing] },
  absent: { gpus: [] },
  mute: { gpus: [], gpu_failure: "nvidia-smi hangs" },
} satisfies Record<string, Partial<Inventory>>;
type Reading = keyof typeof READINGS;

/** Reads one after another, a minute apart; `.` is a usable device, `!` one with a warning, `x` one held out. */
const after = (readings: readonly Reading[]): Settled => {
  const [first = "absent", ...rest] = readings;
  let settled = settledOn({ ...HOST, ...READINGS[first] });
  for (const [index, name] of rest.entries())
    settled = settle(settled, { ...HOST, ...READINGS[name] }, index * 60_000);
  return settled;
};
const stateOf = ({ inventory }: Settled): string => {
  const [used] = inventory.gpus;
  if (used) return used.health ? "!" : ".";
  return inventory.held_out_gpus?.[0] ? "x" : "-";
};

describe("settle(): a device's state × the readings that come", () => {
  test.each<[Reading[], string]>([
    // At first everything is believed.
    [["fit"], "."],
    [["warned"], "!"],
    [["failing"], "x"],
    [["mute"], "-"],
    [["absent", "fit"], "."],
    [["mute", "fit"], "."],
    // That it fails or has vanished, at once; that the tool has trouble, not.
    [["fit", "failing"], "x"],
    [["warned", "failing"], "x"],
    [["fit", "absent"], "x"],
    [["fit", "mute"], "."],
    [["fit", "mute", "mute"], "x"],
    [["fit", "mute", "fit", "mute"], "."],
    // That it is well again, when it was twice.
    [["failing", "fit"], "x"],
    [["failing", "fit", "fit"], "."],
    [["failing", "fit", "failing", "fit"], "x"],
    [["failing", "warned", "warned"], "!"],
    [["fit", "absent", "fit"], "x"],
    [["fit", "absent", "fit", "fit"], "."],
    [["fit", "absent", "absent", "absent"], "x"],
    // A warning comes and goes with two.
    [["fit", "warned"], "."],
    [["fit", "warned", "warned"], "!"],
    [["fit", "warned", "fit", "warned"], "."],
    [["warned", "fit"], "!"],
    [["warned", "fit", "fit"], "."],
  ])("%j: %p", (readings, state) => {
    expect(stateOf(after(readings))).toBe(state);
  });

  test("whoever is held out says why", () => {
    expect(after(["fit", "absent"]).inventory.held_out_gpus?.[0]?.health?.reason).toBe("It has vanished");
    expect(after(["fit", "mute", "mute"]).inventory.held_out_gpus?.[0]?.health?.reason).toBe(
      "nvidia-smi hangs",
    );
    expect(after(["fit", "failing"]).inventory.held_out_gpus).toEqual([failing]);
  });

  test("only a device that may be gone is urgent", () => {
    expect(isUrgent(after(["fit", "mute"]))).toBe(true);
    for (const readings of [
      ["fit"],
      ["failing", "fit"],
      ["fit", "warned"],
      ["fit", "mute", "mute"],
    ] as Reading[][])
      expect(isUrgent(after(readings))).toBe(false);
  });

  test("what says the same is the same", () => {
    const first = settledOn({ ...HOST, gpus: [fit] });
    expect(settle(first, { ...HOST, gpus: [{ ...fit }] }, 0).inventory).toBe(first.inventory);
  });
});

describe("settle(): GPUs that are divided anew", () => {
  const slice = (id: string) => gpu(id, { parent_id: "a", mig_profile: "1g.5gb" });
  const ids = (from: GpuDevice[], to: GpuDevice[]) => {
    const { inventory } = settle(settledOn({ ...HOST, gpus: from }), { ...HOST, gpus: to }, 0);
    return [inventory.gpus.map(({ id }) => id), inventory.held_out_gpus?.map(({ id }) => id)];
  };
  test("a GPU makes way for its slices, slices for others and for their GPU", () => {
    expect(ids([fit], [slice("m1"), slice("m2")])).toEqual([["m1", "m2"], undefined]);
    expect(ids([slice("m1"), slice("m2")], [slice("m3")])).toEqual([["m3"], undefined]);
    expect(ids([slice("m1")], [fit])).toEqual([["a"], undefined]);
    expect(ids([slice("m1"), gpu("b")], [gpu("b")])).toEqual([["b"], ["m1"]]);
  });
});

describe("settle(): the rest of the host", () => {
  const away = {
    ...HOST,
    runtime: "process" as const,
    engine_version: undefined,
    no_docker_reason: "gone",
    cpus: 9,
  };
  test("an engine that is away for two minutes is gone; one that comes is there at once", () => {
    let settled = settledOn(HOST);
    for (const at of [1_000, 61_000, 120_999]) {
      settled = settle(settled, away, at);
      expect(settled.inventory).toBe(settle(settledOn(HOST), HOST, 0).inventory);
    }
    settled = settle(settled, away, 121_000);
    expect(settled.inventory).toMatchObject({ runtime: "process", no_docker_reason: "gone", cpus: 9 });
    expect(settle(settled, HOST, 122_000).inventory).toMatchObject({ runtime: "docker", cpus: 8 });
  });

  test("an engine that is back in between starts the two minutes anew", () => {
    const back = settle(settle(settledOn(HOST), away, 0), HOST, 100_000);
    expect(settle(back, away, 130_000).inventory.runtime).toBe("docker");
  });

  test.each([
    [100_500, 100_000],
    [98_100, 100_000],
    [97_000, 97_000],
    [103_000, 103_000],
  ])("free space of %d is told as %d", (disk_mib, told) => {
    expect(settle(settledOn(HOST), { ...HOST, disk_mib }, 0).inventory.disk_mib).toBe(told);
  });

  test("everything else is believed at once", () => {
    const changed = { ...HOST, cpus: 4, memory_mib: 1_024, addresses: ["10.0.0.8/24"], kernel: "6.9" };
    expect(settle(settledOn(HOST), changed, 0).inventory).toEqual({ ...changed, held_out_gpus: undefined });
  });
});
