import type { HostShare } from "../../../shared/resources/blocks.ts";
import type { InstanceRow } from "../../store/instances.ts";

/** A live instance as the engine remembers it: what it has, and who is there. */
export interface CapacityEntry {
  instance: InstanceRow;
  fleetName: string;
  /** Who has which part of it: submissions, and runs that were granted a part and are to take it up. */
  occupants: ReadonlyMap<string, HostShare>;
}
