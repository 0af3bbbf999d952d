import type { ApplyFleetPlanRequest, Fleet, FleetSpec } from "../../../shared/api/fleets.ts";
import { isUpdatable } from "../../../shared/config/diff.ts";
import { diffFleets } from "../../../shared/config/fleetDiff.ts";
import { AppError } from "../../../shared/errors.ts";
import type { Deps } from "../../deps.ts";
import { writeAll } from "../../store/db.ts";
import {
  type FleetRow,
  findFleet,
  findFleetByName,
  insertFleet,
  newFleet,
  patchFleet,
} from "../../store/fleets.ts";
import { deleteFailedInstance, type InstanceRow } from "../../store/instances.ts";
import { deleteSshHost } from "../../store/sshHosts.ts";
import { unlessTaken } from "../../store/uniqueness.ts";
import { fleetCreated, fleetUpdated } from "../events/instanceEvents.ts";
import type { Caller } from "../runs/checkSpec.ts";
import { newName } from "../runs/runNames.ts";
import { checkFleetSpec } from "./fleetSpec.ts";
import { viewFleets } from "./fleetView.ts";
import { diffHosts, requireFreeHosts, sealHosts } from "./sshHosts.ts";
import { hostsOf, type SealedHost, withoutKeys } from "./sshSpec.ts";

/**
 * Makes a fleet, or changes the one of the same name where it can go on as it is. Unless forced, that one must be what
 * the plan was made for (`conflict`).
 */
export const applyFleet = async (
  deps: Deps,
  { user, project }: Caller,
  { plan, force, sudo_password: sudoPassword, keep_ssh_keys: keepsKeys }: ApplyFleetPlanRequest,
): Promise<Fleet> => {
  checkFleetSpec(plan.spec);
  const isTaken = (name: string) => findFleetByName(deps.db, project.id, name);
  const name = plan.spec.configuration.name ?? (await newName(isTaken));
  const sent = { ...plan.spec, configuration: { ...plan.spec.configuration, name } };
  const present = await findFleetByName(deps.db, project.id, name);
  await requireFreeHosts(deps, sent, present?.id);
  const wish = { sent, spec: withoutKeys(sent), sudoPassword, keepsKeys };
  const id = present
    ? await updateFleet(deps, present, {
        ...wish,
        planned: force ? undefined : plan.current_resource,
        actorId: user.id,
      })
    : await createFleet(deps, { user, project }, wish);
  const row = await findFleet(deps.db, id);
  const [view] = row ? await viewFleets(deps, [row], new Map([[project.id, project.name]])) : [];
  if (!view) throw new Error(`Fleet ${id} is gone right after it was applied`);
  return view;
};

interface Wish {
  /** As it came, with the keys of its hosts. */
  sent: FleetSpec;
  /** As it is stored. */
  spec: FleetSpec;
  sudoPassword: string | null;
  /** What opens hosts that come in by it stays. */
  keepsKeys: boolean;
}

const createFleet = async (
  deps: Deps,
  { user, project }: Caller,
  { sent, spec, ...opening }: Wish,
): Promise<string> => {
  const { name, nodes } = spec.configuration;
  if (name === null) throw new Error("The fleet has got no name");
  const row: FleetRow = {
    id: crypto.randomUUID(),
    project_id: project.id,
    name,
    spec,
    status: "active",
    attempts: 0,
    next_attempt_at: null,
    master_id: null,
    created_at: deps.clock.now(),
    deleted: false,
  };
  const hosts = sealHosts(deps, hostsOf(sent), opening);
  await deps.fleets.withFleet(row.id, async () => {
    if (hosts.length > 0) return bringIn(deps, row, { hosts, actorId: user.id });
    await insertFleet(deps.db, row, deps.tell([fleetCreated(row, user.id)]));
    // Later it is only kept at `min`.
    if (nodes && deps.fleets.hasBackend) await deps.fleets.make(row, nodes.target ?? nodes.min, user.id);
  });
  return row.id;
};

/** The fleet and its hosts, or neither: another fleet may take one of these at the same moment. */
const bringIn = (
  deps: Deps,
  row: FleetRow,
  { hosts, actorId }: { hosts: readonly SealedHost[]; actorId: string },
): Promise<void> =>
  unlessTaken(
    `Fleet "${row.name}" exists already, or one of its hosts is in another fleet`,
    deps.fleets.bringIn(row, hosts, {
      origin: "fleet creation",
      actorId,
      statements: [newFleet(deps.db, row)],
      events: [fleetCreated(row, actorId)],
    }),
  );

const updateFleet = async (
  deps: Deps,
  present: FleetRow,
  wish: Wish & { planned: Fleet | null | undefined; actorId: string },
): Promise<string> => {
  const { planned, spec, actorId } = wish;
  const { name, id } = present;
  if (planned !== undefined && !(planned?.id === id && diffFleets(present.spec, planned.spec).length === 0))
    throw new AppError("conflict", `Fleet "${name}" is not the one that the plan was made for`, {
      hint: "Apply again, or with --force",
    });
  await deps.fleets.withFleet(id, async () => {
    const current = await findFleet(deps.db, id);
    if (!current || current.deleted || current.status !== "active")
      throw new AppError("conflict", `Fleet "${name}" is being deleted`, {
        hint: "Apply again when it is gone",
      });
    const changes = diffFleets(current.spec, spec);
    if (!isUpdatable(changes))
      throw new AppError("conflict", `Fleet "${name}" cannot be changed so in place`, {
        hint: "Delete it first",
      });
    const changed = changes.map(({ field, property }) => property ?? field);
    const patch = patchFleet(deps.db, id, { spec, attempts: 0, next_attempt_at: null });
    const event = fleetUpdated(current, changed, actorId);
    if (spec.configuration.ssh_config) return changeHosts(deps, current, { ...wish, patch, event });
    await writeAll(deps.db, [patch, ...deps.tell([event])]);
  });
  return id;
};

/** All of it or nothing: not if one of those that are to go has a job, nor if another fleet took a host meanwhile. */
const changeHosts = async (
  deps: Deps,
  fleet: FleetRow,
  {
    sent,
    actorId,
    patch,
    event,
    ...opening
  }: Wish & {
    actorId: string;
    patch: ReturnType<typeof patchFleet>;
    event: ReturnType<typeof fleetUpdated>;
  },
): Promise<void> => {
  const { db, fleets } = deps;
  const { leaving, failed, coming } = await diffHosts(deps, fleet, sent);
  const hosts = sealHosts(deps, coming, opening);
  const gone = failed.flatMap(({ id }) => [deleteFailedInstance(db, id), deleteSshHost(db, id)]);
  await unlessTaken(
    "One of the hosts is in another fleet",
    fleets.exchange(
      fleet,
      { leaving, coming: hosts },
      {
        origin: "fleet update",
        actorId,
        statements: [patch, ...gone],
        events: [event],
        inUse: (busy) => hostsInUse(fleet, busy),
      },
    ),
  );
};

const hostsInUse = (fleet: FleetRow, busy: readonly InstanceRow[]): AppError | undefined => {
  if (busy.length === 0) return undefined;
  const hosts = busy.map(({ ssh, name }) => `${ssh?.hostname} (${name})`).join(", ");
  return new AppError("conflict", `Failed to update fleet ${fleet.name}. Hosts are in use: ${hosts}`, {
    hint: "Stop the runs there first, or leave these hosts in the file",
  });
};
