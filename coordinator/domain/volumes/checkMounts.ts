import type { RunConfiguration } from "../../../shared/config/configuration.ts";
import { interpolate } from "../../../shared/config/interpolate.ts";
import { AppError } from "../../../shared/errors.ts";
import { Refusal } from "../../../shared/schema/refusal.ts";
import type { Deps } from "../../deps.ts";
import { listVolumesByNames } from "../../store/volumes.ts";

const countNodes = (configuration: RunConfiguration): number => {
  if (configuration.type !== "task") return 1;
  const { groups, nodes } = configuration;
  return groups ? groups.reduce((sum, group) => sum + group.nodes, 0) : (nodes ?? 1);
};

/** Of one node: of each of its network volumes the names of those that will do. */
const namesOf = ({ volumes }: RunConfiguration, node: number): string[][] => {
  const vars = { dstack: { node_rank: String(node), job_num: String(node) } };
  const fill = (name: string): string => {
    try {
      return interpolate(name, vars);
    } catch (cause) {
      if (!(cause instanceof Refusal)) throw cause;
      throw new AppError("invalid", `Cannot fill the volume name ${name}: ${cause.message}`, { cause });
    }
  };
  return volumes.flatMap((mount) => ("name" in mount ? [[mount.name].flat().map(fill)] : []));
};

/** Refuses network volumes that are not there (`not_found`), or that nothing has made (`conflict`). */
export const checkMounts = async (
  { db }: Pick<Deps, "db">,
  projectId: string,
  configuration: RunConfiguration,
): Promise<void> => {
  const isSameForAll = !JSON.stringify(configuration.volumes).includes("${{");
  const nodes = isSameForAll ? 1 : countNodes(configuration);
  // Ends with the first that is missing, however many nodes are asked for.
  for (let node = 0; node < nodes; node++) {
    for (const names of namesOf(configuration, node)) {
      const found = await listVolumesByNames(db, projectId, names);
      if (names.some((name) => !found.some((volume) => volume.name === name))) {
        const list = names.map((name) => `'${name}'`).join(", ");
        throw new AppError("not_found", `Volume [${list}] not found`);
      }
      const idle = found.filter(({ status }) => status !== "active").map(({ name }) => name);
      if (idle.length > 0)
        throw new AppError("conflict", `Cannot mount volumes that are not active: ${idle.join(", ")}`);
    }
  }
};
