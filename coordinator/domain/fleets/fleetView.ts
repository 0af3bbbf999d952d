import type { Fleet, FleetSpec } from "../../../shared/api/fleets.ts";
import { toWireTime } from "../../../shared/api/scalars.ts";
import type { Deps } from "../../deps.ts";
import type { FleetRow } from "../../store/fleets.ts";
import { listInstancesOfFleets } from "../../store/instanceLists.ts";
import type { InstanceRow } from "../../store/instances.ts";
import { viewInstance } from "../instances/instanceView.ts";
import { MOST_ATTEMPTS } from "./decideFleet.ts";
import { noBackendText } from "./fleetTexts.ts";

/** As stored; one that names no hosts has those that have joined it by themselves. */
const specWithHosts = (spec: FleetSpec, instances: InstanceRow[]): FleetSpec => {
  const { ssh_config: ssh } = spec.configuration;
  if (ssh === null || ssh.hosts.length > 0 || ssh.user !== null) return spec;
  const hosts = instances.map((instance) => instance.inventory.hostname);
  return { ...spec, configuration: { ...spec.configuration, ssh_config: { ...ssh, hosts } } };
};

/** Why instances are missing that nobody is making. */
const statusMessageOf = (
  { name, spec, status, attempts }: FleetRow,
  present: number,
  hasBackend: boolean,
): string | null => {
  const { nodes } = spec.configuration;
  if (!nodes || present >= nodes.min || status !== "active") return null;
  if (!hasBackend) return noBackendText(name);
  return attempts >= MOST_ATTEMPTS
    ? `No instance could be made in ${attempts} tries; applying the fleet again begins anew`
    : null;
};

/** Fleets with their live instances. `projectNames`: by project id. */
export const viewFleets = async (
  deps: Deps,
  rows: FleetRow[],
  projectNames: ReadonlyMap<string, string>,
): Promise<Fleet[]> => {
  const instances = await listInstancesOfFleets(
    deps.db,
    rows.map((row) => row.id),
  );
  return rows.map((row) => {
    const mine = instances.filter((instance) => instance.fleet_id === row.id);
    const projectName = projectNames.get(row.project_id) ?? "";
    return {
      id: row.id,
      name: row.name,
      project_name: projectName,
      spec: specWithHosts(row.spec, mine),
      created_at: toWireTime(row.created_at),
      status: row.status,
      status_message: statusMessageOf(row, mine.length, deps.fleets.hasBackend),
      instances: mine.map((instance) =>
        viewInstance(instance, {
          projectName,
          fleetName: row.name,
          entry: deps.engine.findCapacity(instance.id),
        }),
      ),
    };
  });
};
