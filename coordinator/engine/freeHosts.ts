import type { CapacityEntry } from "../domain/instances/capacityEntry.ts";
import { totalBlocksOf } from "../domain/instances/division.ts";
import { isUp, usedBlocks } from "../domain/instances/occupancy.ts";
import { type HostGroup, kindOf } from "../domain/offers/candidates.ts";
import type { InstanceRow } from "../store/instances.ts";

interface Group extends HostGroup {
  key: string;
  members: number;
  free: Map<number, Set<CapacityEntry>>;
}

/** Where an entry was filed, when its host was what `instance` says. */
interface Place {
  group: Group;
  instance: CapacityEntry["instance"];
  used: number | undefined;
}

/**
 * Where there is room, by kind of host, so that placing a job looks at every kind and not at every host. Kept up with
 * each change of a host; an entry is the same object for as long as its host is known.
 */
export class FreeHosts {
  readonly #groups = new Map<string, Group>();
  readonly #places = new Map<CapacityEntry, Place>();

  /** The host is new, or something about it or in it has changed. */
  file(entry: CapacityEntry): void {
    const { instance } = entry;
    const place = this.#place(entry);
    const total = totalBlocksOf(instance) ?? 0;
    const used = usedBlocks(entry);
    place.instance = instance;
    const now = isUp(entry) && used < total ? used : undefined;
    if (now === place.used) return;
    take(place.group, place.used, entry);
    if (now !== undefined) put(place.group, now, entry);
    place.used = now;
  }

  remove(entry: CapacityEntry): void {
    const place = this.#places.get(entry);
    if (!place) return;
    const { group, used } = place;
    take(group, used, entry);
    this.#places.delete(entry);
    group.members--;
    if (group.members === 0) this.#groups.delete(group.key);
  }

  /** Is there room anywhere? */
  get hasAny(): boolean {
    for (const { free } of this.#groups.values()) if (free.size > 0) return true;
    return false;
  }

  /** The kinds of hosts in fleets that may be used. */
  list(mayUse: (owned: Pick<InstanceRow, "project_id" | "fleet_id">) => boolean): HostGroup[] {
    return [...this.#groups.values()].filter(({ sample }) => mayUse(sample.instance));
  }

  #place(entry: CapacityEntry): Place {
    const { instance } = entry;
    const before = this.#places.get(entry);
    if (before?.instance === instance) return before;
    const key = `${instance.project_id} ${instance.fleet_id} ${kindOf(instance)}`;
    if (before?.group.key === key) return before;
    this.remove(entry);
    const place = { group: this.#join(key, entry), instance, used: undefined };
    this.#places.set(entry, place);
    return place;
  }

  #join(key: string, entry: CapacityEntry): Group {
    const { instance, fleetName } = entry;
    const known = this.#groups.get(key);
    const group: Group = known ?? {
      key,
      // A copy: what it was when it came here is true of all of them, even after it has gone.
      sample: { instance, fleetName, occupants: new Map() },
      members: 0,
      free: new Map(),
    };
    group.members++;
    this.#groups.set(key, group);
    return group;
  }
}

const put = ({ free }: Group, used: number, entry: CapacityEntry): void => {
  const bucket = free.get(used) ?? new Set();
  free.set(used, bucket.add(entry));
};

const take = ({ free }: Group, used: number | undefined, entry: CapacityEntry): void => {
  const bucket = used === undefined ? undefined : free.get(used);
  bucket?.delete(entry);
  if (used !== undefined && bucket?.size === 0) free.delete(used);
};
