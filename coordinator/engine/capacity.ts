import type { HostShare } from "../../shared/resources/blocks.ts";
import type { CapacityEntry } from "../domain/instances/capacityEntry.ts";
import { totalBlocksOf } from "../domain/instances/division.ts";
import { hasAnyRoom, usedBlocks } from "../domain/instances/occupancy.ts";
import type { HostGroup } from "../domain/offers/candidates.ts";
import type { InstanceRow } from "../store/instances.ts";
import { FreeHosts } from "./freeHosts.ts";
import { Sharing } from "./sharing.ts";

interface Slot {
  instance: InstanceRow;
  fleetName: string;
  occupants: Map<string, HostShare>;
  /** False once it is sure that the store has nothing for the host: then its heartbeats need not ask there. */
  mayHold: boolean;
  /** How its devices did when that was stored last; absent: not by this process. */
  health?: string;
}

/**
 * What every live instance has and who occupies which part of it, in memory so that placing a job costs no query.
 * Rebuilt from the store at start; changed only after the change was committed there, or (claim) just before.
 */
export class Capacity {
  readonly #slots = new Map<string, Slot>();
  readonly #byCredential = new Map<string, string>();
  readonly #free = new FreeHosts();
  /** Whose hosts besides its own a project may use. */
  readonly sharing = new Sharing();

  set(instance: InstanceRow, fleetName: string): void {
    const known = this.#slots.get(instance.id);
    const slot = known ?? { instance, fleetName, occupants: new Map<string, HostShare>(), mayHold: true };
    this.#slots.set(instance.id, slot);
    slot.fleetName = fleetName;
    this.update(instance.id, instance);
  }

  /** Changes the remembered row of a known instance. */
  update(instanceId: string, patch: Partial<InstanceRow>): void {
    const slot = this.#slots.get(instanceId);
    if (!slot) return;
    for (const hash of credentialsOf(slot.instance)) this.#byCredential.delete(hash);
    slot.instance = { ...slot.instance, ...patch };
    for (const hash of credentialsOf(slot.instance)) this.#byCredential.set(hash, instanceId);
    this.#free.file(slot);
  }

  remove(instanceId: string): void {
    const slot = this.#slots.get(instanceId);
    if (!slot) return;
    for (const hash of credentialsOf(slot.instance)) this.#byCredential.delete(hash);
    this.#free.remove(slot);
    this.#slots.delete(instanceId);
  }

  /** Whose credential, or replaced one, has this hash; the caller checks which, and its expiry. */
  findByCredential(hash: string): InstanceRow | undefined {
    return this.#slots.get(this.#byCredential.get(hash) ?? "")?.instance;
  }

  notedHealth(instanceId: string): string | undefined {
    return this.#slots.get(instanceId)?.health;
  }

  noteHealth(instanceId: string, health: string): void {
    const slot = this.#slots.get(instanceId);
    if (slot) slot.health = health;
  }

  mayHold(instanceId: string): boolean {
    return this.#slots.get(instanceId)?.mayHold ?? true;
  }

  /** The store had nothing for the host; what was claimed by now may still be on its way there. */
  noteHoldsNothing(instanceId: string): void {
    const slot = this.#slots.get(instanceId);
    if (slot?.occupants.size === 0) slot.mayHold = false;
  }

  get(instanceId: string): CapacityEntry | undefined {
    return this.#slots.get(instanceId);
  }

  /** How many hosts there are. */
  get size(): number {
    return this.#slots.size;
  }

  listAll(): CapacityEntry[] {
    return [...this.#slots.values()];
  }

  /** Those of the project itself. */
  list(projectId: string): CapacityEntry[] {
    return [...this.#slots.values()].filter((slot) => slot.instance.project_id === projectId);
  }

  /** Those that jobs of the project may use: its own, and what others share with it. */
  listUsable(projectId: string): CapacityEntry[] {
    return [...this.#slots.values()].filter((slot) => this.sharing.mayUse(projectId, slot.instance));
  }

  /** Of the usable ones, those with a block in which a job could begin at once. */
  listFree(projectId: string): CapacityEntry[] {
    return this.listUsable(projectId).filter(hasAnyRoom);
  }

  /** Is there any block at all, in any project, in which a job could begin at once? */
  get hasFree(): boolean {
    return this.#free.hasAny;
  }

  /** The kinds of hosts that the project may use, and where in them a job could begin at once. */
  listKinds(projectId: string): HostGroup[] {
    return this.#free.list((owned) => this.sharing.mayUse(projectId, owned));
  }

  /** False when the instance is unknown or is divided anew, or somebody else has some of the share. */
  claim(instanceId: string, occupant: string, share: HostShare): boolean {
    const slot = this.#slots.get(instanceId);
    if (!slot) return false;
    if (slot.occupants.has(occupant)) return true;
    const others = [...slot.occupants.values()];
    const isTaken = others.some(({ gpu_ids }) => gpu_ids.some((id) => share.gpu_ids.includes(id)));
    const isDividedAnew = totalBlocksOf(slot.instance) !== share.total;
    if (isTaken || isDividedAnew || usedBlocks(slot) + share.blocks > share.total) return false;
    slot.occupants.set(occupant, share);
    slot.mayHold = true;
    this.#free.file(slot);
    return true;
  }

  /** Somebody is there, as the store says: nothing is to be checked. */
  restore(instanceId: string, occupant: string, share: HostShare): void {
    const slot = this.#slots.get(instanceId);
    if (!slot) return;
    slot.occupants.set(occupant, share);
    this.#free.file(slot);
  }

  /** True when the instance was left by it. */
  release(instanceId: string, occupant: string): boolean {
    const slot = this.#slots.get(instanceId);
    if (!slot?.occupants.delete(occupant)) return false;
    this.#free.file(slot);
    return true;
  }
}

const credentialsOf = ({ credential_hash, previous_credential_hash }: InstanceRow): string[] =>
  previous_credential_hash === null ? [credential_hash] : [credential_hash, previous_credential_hash];
