import type { Cloud } from "./cloud.ts";
import type { SimCoordinator } from "./coordinator.ts";
import type { SimHost } from "./host.ts";
import type { Ledger } from "./ledger.ts";
import type { Users } from "./users.ts";

/** All that there is in one simulation. */
export interface Scene {
  coordinator: SimCoordinator;
  /** By name; twins have names of their own. */
  hosts: ReadonlyMap<string, SimHost>;
  /** Hosts with one identity: a disk that was copied after its agent had joined. */
  clones: readonly (readonly [SimHost, SimHost])[];
  cloud: Cloud | undefined;
  ledger: Ledger;
  users: Users;
  onBug: (what: string) => void;
}
