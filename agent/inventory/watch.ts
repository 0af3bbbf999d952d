import type { Clock } from "../../shared/clock.ts";
import { messageOf } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import type { GpuDevice, Inventory } from "../../shared/protocol/inventory.ts";
import { Wake } from "../link/wake.ts";
import { isUrgent, type Settled, settle, settledOn } from "./settle.ts";

export interface WatchDeps {
  first: Inventory;
  /** The whole reading; may take as long as the slowest tool is given. */
  read: (signal: AbortSignal) => Promise<Inventory>;
  /** Whether to read again at once; see glance.ts. */
  glance: () => string;
  clock: Pick<Clock, "steady">;
  log: Logger;
  /** For tests: how long between two looks. */
  glanceMs?: number;
  /** What is to be believed has changed: the coordinator should know. */
  onChange: (inventory: Inventory) => void;
}

const GLANCE_MS = 5_000;
const READ_MS = 60_000;
/** Requests are many where jobs are short. */
const SHORTEST_MS = 10_000;

/** What the host is and has, read again and again: drivers are installed later, devices fail, engines come and go. */
export class InventoryWatch {
  readonly #deps: WatchDeps;
  readonly #wake = new Wake();
  #settled: Settled;
  #isRequested = false;
  #isForced = false;

  constructor(deps: WatchDeps) {
    this.#deps = deps;
    this.#settled = settledOn(deps.first);
  }

  get current(): Inventory {
    return this.#settled.inventory;
  }

  /** Every device, those that no job is given too. */
  get devices(): GpuDevice[] {
    const { gpus, held_out_gpus } = this.current;
    return [...gpus, ...(held_out_gpus ?? [])];
  }

  /** Something may have changed (a job has ended): read soon. */
  request(): void {
    this.#isRequested = true;
  }

  /** An administrator has changed something: read now, and believe what is read. */
  force(): void {
    this.#isForced = true;
    this.#wake.wake();
  }

  /** Reads until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, glance, glanceMs = GLANCE_MS } = this.#deps;
    let readAt = clock.steady();
    let seen = glance();
    while (!signal.aborted) {
      await this.#wake.wait(signal, glanceMs);
      if (signal.aborted) return;
      const now = glance();
      const restMs = clock.steady() - readAt;
      const isSoon = this.#isRequested || isUrgent(this.#settled);
      const isDue = now !== seen || restMs >= (isSoon ? SHORTEST_MS : READ_MS);
      if (!isDue && !this.#isForced) continue;
      seen = now;
      await this.#read(signal);
      readAt = clock.steady();
    }
  }

  async #read(signal: AbortSignal): Promise<void> {
    const { read, clock, log, onChange } = this.#deps;
    const isForced = this.#isForced;
    this.#isForced = false;
    this.#isRequested = false;
    const before = this.current;
    try {
      const inventory = await read(signal);
      // What the tools said when they were ended says nothing.
      if (signal.aborted) return;
      this.#settled = isForced ? settledOn(inventory) : settle(this.#settled, inventory, clock.steady());
    } catch (err) {
      if (!signal.aborted) log.warn("Cannot read what this host has", { reason: messageOf(err) });
      return;
    }
    if (this.current === before) return;
    for (const { message, ...fields } of changesOf(before, this.current)) log.info(message, fields);
    onChange(this.current);
  }
}

/** For the log: what an administrator would want to know. */
const changesOf = (before: Inventory, after: Inventory): { message: string; [field: string]: string }[] => {
  const ids = (inventory: Inventory) => new Set(inventory.gpus.map(({ id }) => id));
  const [had, has] = [ids(before), ids(after)];
  const heldOut = (after.held_out_gpus ?? []).filter(
    ({ id }) => had.has(id) || !before.held_out_gpus?.some((one) => one.id === id),
  );
  const found = after.gpus.filter(({ id }) => !had.has(id));
  const gone = before.gpus.filter(({ id }) => !has.has(id) && !heldOut.some((one) => one.id === id));
  const device = ({ raw_name, id }: GpuDevice) => ({ name: raw_name, id });
  return [
    ...heldOut.map((gpu) => ({
      message: "A device is held out",
      ...device(gpu),
      reason: gpu.health?.reason ?? "",
    })),
    ...found.map((gpu) => ({ message: "A device can be used", ...device(gpu) })),
    ...gone.map((gpu) => ({ message: "A device is gone", ...device(gpu) })),
    ...(before.runtime === after.runtime
      ? []
      : [
          {
            message: "Jobs get another runtime",
            runtime: after.runtime,
            ...(after.no_docker_reason ? { reason: after.no_docker_reason } : {}),
          },
        ]),
    ...(after.gpu_failure && after.gpu_failure !== before.gpu_failure
      ? [{ message: "Devices may be missing", reason: after.gpu_failure }]
      : []),
  ];
};
