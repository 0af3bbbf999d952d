import type { InstanceRow } from "../../store/instances.ts";

/** Who is named as the one that cordoned an instance of which there are two hosts. */
export const CORDONED_BY = "the coordinator";

/** Why no new job may go to an instance that is there, in words that follow its name; undefined: one may. */
export const whyClosed = ({
  cordon,
  draining,
  leaving,
}: Pick<InstanceRow, "cordon" | "draining"> & Partial<Pick<InstanceRow, "leaving">>): string | undefined => {
  if (leaving) return `is to leave its fleet and be uninstalled, as ${leaving.by} has asked`;
  if (cordon) return `is cordoned by ${cordon.by}${because(cordon.reason)}`;
  return draining ? `is being drained on the host${because(draining.reason)}` : undefined;
};

const because = (reason: string): string => (reason === "" ? "" : `: ${reason}`);
