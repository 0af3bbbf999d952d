import type { Outcome, RowChange } from "./rowCache.ts";

/**
 * Which submissions each host has or should have: assigned to it, and their output not whole yet. Hosts ask with every
 * poll; what was read once follows the writes, as the rows themselves do (rowCache.ts). What is whole stays so, and comes
 * to no host any more.
 */
export class HeldIndex {
  readonly #heldBy = new Map<string, Set<string>>();
  readonly #hostOf = new Map<string, string>();
  #version = 0;

  /** To be given to `keep` with what is read from now on. */
  get version(): number {
    return this.#version;
  }

  /** Undefined: it was not read, or may be otherwise now. */
  find(instanceId: string): ReadonlySet<string> | undefined {
    return this.#heldBy.get(instanceId);
  }

  /** Keeps what was read since `version`, unless anything has come to a host or left one meanwhile. */
  keep(instanceId: string, ids: readonly string[], version: number): void {
    if (version !== this.#version) return;
    this.#heldBy.set(instanceId, new Set(ids));
    for (const id of ids) this.#hostOf.set(id, instanceId);
  }

  noteWriting(change: RowChange): void {
    if (isOfConcern(change)) this.#version++;
  }

  noteWritten(change: RowChange, outcome: Outcome): void {
    if (!isOfConcern(change)) return;
    this.#version++;
    if (outcome === "unknown") this.clear();
    else if (outcome === "changed") this.#apply(change);
  }

  clear(): void {
    this.#version++;
    this.#heldBy.clear();
    this.#hostOf.clear();
  }

  /** All that is remembered, for comparing it with what is stored. */
  [Symbol.iterator](): IterableIterator<[string, ReadonlySet<string>]> {
    return this.#heldBy.entries();
  }

  #apply(change: RowChange & { table: "submissions" }): void {
    const id = change.kind === "added" ? change.row.id : change.id;
    const { instance_id: instanceId, log_complete: isWhole } =
      change.kind === "removed"
        ? { log_complete: true }
        : change.kind === "added"
          ? change.row
          : change.patch;
    if (instanceId) this.#move(id, instanceId);
    if (isWhole) this.#move(id, undefined);
  }

  #move(id: string, instanceId: string | undefined): void {
    this.#heldBy.get(this.#hostOf.get(id) ?? "")?.delete(id);
    this.#hostOf.delete(id);
    if (instanceId === undefined || !this.#heldBy.get(instanceId)?.add(id)) return;
    this.#hostOf.set(id, instanceId);
  }
}

/** Does anything come to a host by it, or leave one? */
const isOfConcern = (change: RowChange): change is RowChange & { table: "submissions" } =>
  change.table === "submissions" &&
  (change.kind !== "changed" ||
    change.patch.instance_id !== undefined ||
    change.patch.log_complete !== undefined);
