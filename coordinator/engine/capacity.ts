import type { CapacityEntry } from "../domain/instances/capacityEntry.ts";
import type { InstanceRow } from "../store/instances.ts";

interface Slot {
  instance: InstanceRow;
  fleetName: string;
  occupants: Set<string>;
}

/**
 * What every live instance has and who occupies it, in memory so that placing a job costs no query. Rebuilt
 * from the store at start; changed only after the change was committed there, or (claim) just before.
 */
export class Capacity {
  readonly #slots = new Map<string, Slot>();

  set(instance: InstanceRow, fleetName: string): void {
    const occupants = this.#slots.get(instance.id)?.occupants ?? new Set();
    this.#slots.set(instance.id, { instance, fleetName, occupants });
  }

  /** Changes the remembered row of a known instance. */
  update(instanceId: string, patch: Partial<InstanceRow>): void {
    const slot = this.#slots.get(instanceId);
    if (slot) slot.instance = { ...slot.instance, ...patch };
  }

  remove(instanceId: string): void {
    this.#slots.delete(instanceId);
  }

  get(instanceId: string): CapacityEntry | undefined {
    return this.#slots.get(instanceId);
  }

  listAll(): CapacityEntry[] {
    return [...this.#slots.values()];
  }

  list(projectId: string): CapacityEntry[] {
    return [...this.#slots.values()].filter((slot) => slot.instance.project_id === projectId);
  }

  /** Those where a job could begin at once. */
  listFree(projectId: string): CapacityEntry[] {
    return [...this.#slots.values()].filter(
      ({ instance, occupants }) =>
        occupants.size === 0 &&
        instance.status === "idle" &&
        !instance.unreachable &&
        instance.project_id === projectId,
    );
  }

  /** False when the instance is unknown or somebody else is there. */
  claim(instanceId: string, submissionId: string): boolean {
    const slot = this.#slots.get(instanceId);
    if (!slot || (slot.occupants.size > 0 && !slot.occupants.has(submissionId))) return false;
    slot.occupants.add(submissionId);
    return true;
  }

  /** True when the instance is free now. */
  release(instanceId: string, submissionId: string): boolean {
    const slot = this.#slots.get(instanceId);
    slot?.occupants.delete(submissionId);
    return slot?.occupants.size === 0;
  }
}
