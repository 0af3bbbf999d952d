import type { InstanceRow } from "../../store/instances.ts";

/** A host that joins, as far as it says who it was. */
export interface Newcomer {
  publicKey: string;
  machine: string | null | undefined;
  hostname: string;
}

export interface FormerInstance {
  row: InstanceRow;
  /** It is listed still, and silent: it ends when the host takes its place. */
  isSilent: boolean;
  /** The host has proved that it is the same one; otherwise it only says so. */
  hasKey: boolean;
}

/**
 * Which instance of the fleet the host was before, whose number and name it has again (docs/adr/0023). `rows`: those of its
 * key or its machine, newest first. What a machine is called is no secret: so nobody gets the place of one that is there, or
 * has a job.
 */
export const findFormer = (
  rows: readonly InstanceRow[],
  { publicKey, machine, hostname }: Newcomer,
  { hasJobs, isTaken }: { hasJobs: (row: InstanceRow) => boolean; isTaken: (num: number) => boolean },
): FormerInstance | undefined => {
  for (const row of rows) {
    const hasKey = row.public_key === publicKey;
    const isSame =
      Boolean(machine) && row.inventory.machine === machine && row.inventory.hostname === hostname;
    if (!hasKey && !isSame) continue;
    const isGone = row.deleted;
    const isSilent = !isGone && row.unreachable && !hasJobs(row);
    if (isSilent || (isGone && !isTaken(row.instance_num))) return { row, isSilent, hasKey };
  }
  return undefined;
};
