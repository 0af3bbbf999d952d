import type { FleetRow } from "../../store/fleets.ts";
import type { InstanceRow } from "../../store/instances.ts";
import type { SealedHost } from "../fleets/sshSpec.ts";
import { newMadeRow } from "./madeRow.ts";

/** A host that is to be brought in: all that is known of it is how to log in. */
export const newSshRow = (
  fleet: FleetRow,
  num: number,
  { host: { ssh, blocks, was }, now }: { host: Pick<SealedHost, "ssh" | "blocks" | "was">; now: number },
): InstanceRow => ({
  ...newMadeRow(fleet, was?.instance_num ?? num, { now, idleDurationS: null }),
  made: null,
  ssh,
  blocks,
  labels: was?.labels ?? null,
  cordon: was?.cordon ?? null,
});
