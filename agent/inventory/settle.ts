import type { GpuDevice, Inventory } from "../../shared/protocol/inventory.ts";

/** What is believed of a host between two readings, and what is not yet believed. */
export interface Settled {
  /** As the coordinator is to have it; the same object as long as it says the same. */
  inventory: Inventory;
  /** By id; only of devices of which something is in suspense. */
  doubts: ReadonlyMap<string, Doubt>;
  /** Since when the engine has not answered, by the steady clock; undefined: it has. */
  engineAwaySince: number | undefined;
}

interface Doubt {
  /** In how many readings, one after another, it has been so. */
  times: number;
  what: "missing" | "recovered" | "warned" | "cleared";
}

export const settledOn = (inventory: Inventory): Settled => ({
  inventory,
  doubts: new Map(),
  engineAwaySince: undefined,
});

/** Whether the next reading should come soon: jobs may be sent to a device that is gone. */
export const isUrgent = ({ doubts }: Settled): boolean =>
  [...doubts.values()].some(({ what }) => what === "missing");

/** How often a change that may be a moment's must be read before it is believed. */
const READINGS = 2;

/** An engine that is upgraded or restarted is away for less. */
const ENGINE_AWAY_MS = 120_000;

/** Free space that changes by less is not worth a message. */
const DISK_STEP_MIB = 1_024;
const DISK_STEP = 0.02;

/**
 * What to believe after another reading. A device that fails is given to no job from now on; whatever could be a
 * moment's has to be read twice: that it is well again, a warning, and that it is missing where the tool itself had
 * trouble. One that has vanished stays in the list, held out. `now`: the steady clock.
 */
export const settle = (before: Settled, read: Inventory, now: number): Settled => {
  const { engineAwaySince, host } = settleHost(before, read, now);
  const doubts = new Map<string, Doubt>();
  const known = [...before.inventory.gpus, ...(before.inventory.held_out_gpus ?? [])];
  const found = [...read.gpus, ...(read.held_out_gpus ?? [])];
  const again = (id: string, what: Doubt["what"]): boolean => {
    const doubt = before.doubts.get(id);
    const times = doubt?.what === what ? doubt.times + 1 : 1;
    if (times < READINGS) doubts.set(id, { times, what });
    return times >= READINGS;
  };
  const seen = found.map((device) => {
    const old = known.find(({ id }) => id === device.id);
    return old ? settleDevice(old, device, again) : device;
  });
  const missing = known
    .filter((old) => !found.some(({ id }) => id === old.id) && !isDividedAnew(old, found))
    .map((old) => {
      if (isFailing(old) || (read.gpu_failure && !again(old.id, "missing"))) return old;
      const reason = read.gpu_failure ?? "It has vanished";
      return { ...old, health: { status: "failure" as const, reason } };
    });
  const all = [...seen, ...missing];
  const heldOut = all.filter(isFailing);
  const inventory = {
    ...read,
    ...host,
    gpus: all.filter((device) => !isFailing(device)),
    held_out_gpus: heldOut.length > 0 ? heldOut : undefined,
  };
  const isSame = Bun.deepEquals(inventory, before.inventory);
  return { inventory: isSame ? before.inventory : inventory, doubts, engineAwaySince };
};

const isFailing = ({ health }: GpuDevice): boolean => health?.status === "failure";

/** A GPU whose slices are there now, or a slice whose GPU or other slices are: somebody has divided it anew. */
const isDividedAnew = (old: GpuDevice, found: readonly GpuDevice[]): boolean =>
  found.some(
    ({ id, parent_id }) =>
      parent_id === old.id || (old.parent_id && (id === old.parent_id || parent_id === old.parent_id)),
  );

const settleDevice = (
  old: GpuDevice,
  read: GpuDevice,
  again: (id: string, what: Doubt["what"]) => boolean,
): GpuDevice => {
  if (isFailing(read)) return read;
  const withOldHealth = (): GpuDevice => {
    const { health: _read, ...rest } = read;
    return old.health ? { ...rest, health: old.health } : rest;
  };
  if (isFailing(old)) return again(read.id, "recovered") ? read : withOldHealth();
  if (old.health?.status === read.health?.status) return read;
  return again(read.id, read.health ? "warned" : "cleared") ? read : withOldHealth();
};

const settleHost = (before: Settled, read: Inventory, now: number) => {
  const old = before.inventory;
  if (old.runtime === "docker" && read.runtime === "process") {
    const engineAwaySince = before.engineAwaySince ?? now;
    if (now - engineAwaySince < ENGINE_AWAY_MS) {
      // Its own word on the size of the host is missing too.
      const { runtime, engine_version, cpus, memory_mib, disk_mib } = old;
      const host = { runtime, engine_version, cpus, memory_mib, disk_mib, no_docker_reason: undefined };
      return { engineAwaySince, host };
    }
  }
  const difference = Math.abs(read.disk_mib - old.disk_mib);
  const isSmall = difference < Math.max(DISK_STEP_MIB, old.disk_mib * DISK_STEP);
  return { engineAwaySince: undefined, host: isSmall ? { disk_mib: old.disk_mib } : {} };
};
