import type { FleetSpec } from "../../../shared/api/fleets.ts";
import { RESOURCE_NAME } from "../../../shared/api/scalars.ts";
import { FleetConfiguration } from "../../../shared/config/fleet.ts";
import { Profile } from "../../../shared/config/profile.ts";
import { AppError } from "../../../shared/errors.ts";
import type { Deps } from "../../deps.ts";
import { type FleetRow, findFleetByName, insertFleet } from "../../store/fleets.ts";
import { fleetCreated } from "../events/instanceEvents.ts";

/** A fleet that hosts join by themselves. On the wire it is an SSH fleet, whose hosts are filled in when asked. */
export const agentFleetSpec = (name: string): FleetSpec => ({
  configuration: FleetConfiguration.parse({ type: "fleet", name, ssh_config: { hosts: [] } }),
  configuration_path: null,
  profile: Profile.parse({ name: "default" }),
  autocreated: false,
});

/** The fleet of this name, made if there is none. */
export const ensureAgentFleet = async (
  deps: Deps,
  projectId: string,
  { name, actorId }: { name: string; actorId: string | undefined },
): Promise<FleetRow> => {
  const present = await findFleetByName(deps.db, projectId, name);
  if (present) return present;
  if (!RESOURCE_NAME.test(name))
    throw new AppError("invalid", `Resource name should match regex '${RESOURCE_NAME.source}'`, {
      hint: `The fleet was called "${name}"`,
    });
  const row = {
    id: crypto.randomUUID(),
    project_id: projectId,
    name,
    spec: agentFleetSpec(name),
    status: "active",
    created_at: deps.clock.now(),
  } as const;
  await insertFleet(deps.db, row, deps.tell([fleetCreated(row, actorId)]));
  const made = await findFleetByName(deps.db, projectId, name);
  if (!made) throw new Error(`Fleet "${name}" is gone right after it was made`);
  return made;
};
