import type { InstanceRow } from "../../store/instances.ts";

/** A live instance as the engine remembers it: what it has, and who is there. */
export interface CapacityEntry {
  instance: InstanceRow;
  fleetName: string;
  /** Submissions that occupy it. A whole host takes one. */
  occupants: ReadonlySet<string>;
}
