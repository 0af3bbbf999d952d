import type { FleetRow } from "../../store/fleets.ts";
import type { InstanceRow } from "../../store/instances.ts";
import type { WantedHost } from "../fleets/sshSpec.ts";
import { newMadeRow } from "./madeRow.ts";

/** A host that is to be brought in: all that is known of it is how to log in. */
export const newSshRow = (
  fleet: FleetRow,
  num: number,
  { host: { ssh, blocks }, now }: { host: Pick<WantedHost, "ssh" | "blocks">; now: number },
): InstanceRow => ({ ...newMadeRow(fleet, num, { now, idleDurationS: null }), made: null, ssh, blocks });
