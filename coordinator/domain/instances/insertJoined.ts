import type { Clock } from "../../../shared/clock.ts";
import { AppError } from "../../../shared/errors.ts";
import type { Deps } from "../../deps.ts";
import { type Db, writeAll } from "../../store/db.ts";
import type { TellEvents } from "../../store/events.ts";
import { type FleetRow, findFleet } from "../../store/fleets.ts";
import { listInstancesOfMachine, listTakenNumbers } from "../../store/formerInstances.ts";
import { listInstancesOfFleets } from "../../store/instanceLists.ts";
import {
  findInstance,
  type InstanceRow,
  insertJoinedInstance,
  type NewInstanceRow,
} from "../../store/instances.ts";
import { countJoinTokenUse, type JoinTokenRow } from "../../store/joinTokens.ts";
import { instanceCreated, instanceJoinedAgain } from "../events/instanceEvents.ts";
import type { CapacityEntry } from "./capacityEntry.ts";
import { CORDONED_BY } from "./closed.ts";
import { requireDivisible } from "./division.ts";
import { type FormerInstance, findFormer } from "./formerInstance.ts";

export interface JoinDeps {
  db: Db;
  tell: TellEvents;
  clock: Clock;
  fleets: Pick<Deps["fleets"], "withFleet" | "admit" | "remove">;
  engine: {
    addInstance(instance: InstanceRow, fleetName: string): void;
    updateInstance(instanceId: string, patch: Partial<InstanceRow>): void;
    findCapacity(instanceId: string): CapacityEntry | undefined;
  };
}

type NewHost = Omit<
  NewInstanceRow,
  "project_id" | "fleet_id" | "instance_num" | "name" | "status" | "created_at"
>;

/** Makes an instance of a host that joins by itself; within the turn of its fleet. */
export const insertJoined = async (deps: JoinDeps, token: JoinTokenRow, host: NewHost): Promise<void> => {
  const { db, tell, clock, engine, fleets } = deps;
  const fleet = await findFleet(db, token.fleet_id);
  if (!fleet || fleet.deleted)
    throw new AppError("unauthenticated", "The fleet of this join token was deleted", {
      hint: "Make a token of another fleet with `dstack fleet token create FLEET`",
    });
  const former = await lookForFormer(deps, fleet, host);
  await requireRoom(db, fleet, former);
  const blocks = token.blocks ?? fleet.spec.configuration.blocks;
  requireDivisible(host.inventory, blocks);
  const row = {
    ...host,
    project_id: fleet.project_id,
    fleet_id: fleet.id,
    blocks,
    labels: token.labels,
    status: "idle" as const,
    idle_since: clock.now(),
    created_at: clock.now(),
    ...(former ? keptOf(former, token) : {}),
  };
  if (former?.isSilent)
    await fleets.remove(fleet, [former.row], { isWhole: false, actorId: undefined, inUse });
  await writeAll(db, [
    insertJoinedInstance(db, fleet.name, { ...row, instance_num: former?.row.instance_num }),
    countJoinTokenUse(db, token.id),
    ...tell([former ? instanceJoinedAgain(row, former) : instanceCreated(row)]),
  ]);
  const added = await findInstance(db, host.id);
  if (added) engine.addInstance(added, fleet.name);
};

/** Who it was before, where its place is free. */
const lookForFormer = async (
  { db, engine }: JoinDeps,
  { id }: FleetRow,
  { public_key: publicKey, inventory: { machine, hostname } }: NewHost,
): Promise<FormerInstance | undefined> => {
  const newcomer = { publicKey, machine, hostname };
  const rows = await listInstancesOfMachine(db, id, newcomer);
  if (rows.length === 0) return undefined;
  const taken = await listTakenNumbers(
    db,
    id,
    rows.map((row) => row.instance_num),
  );
  return findFormer(rows, newcomer, {
    hasJobs: (row) => (engine.findCapacity(row.id)?.occupants.size ?? 0) > 0,
    isTaken: (num) => taken.has(num),
  });
};

/** Labels may decide which hosts are trusted: they are kept by who has the key, not by who knows the machine. */
const keptOf = (
  { row, isSilent, hasKey }: FormerInstance,
  token: JoinTokenRow,
): Pick<NewInstanceRow, "labels" | "cordon"> => ({
  labels: token.labels ?? (hasKey ? row.labels : null),
  cordon: isSilent && row.cordon?.by !== CORDONED_BY ? row.cordon : null,
});

/** A job has come to it in this very moment, for it is back. */
const inUse = (busy: readonly InstanceRow[]): AppError | undefined =>
  busy.length > 0
    ? new AppError("unavailable", "The host is there by another request", { hint: "Ask again" })
    : undefined;

/** What a fleet may have at most holds for hosts that join by themselves as for instances that are made for it. */
const requireRoom = async (
  db: Db,
  { id, name, spec }: FleetRow,
  former: FormerInstance | undefined,
): Promise<void> => {
  const max = spec.configuration.nodes?.max ?? null;
  if (max === null) return;
  const present = (await listInstancesOfFleets(db, [id])).filter(
    ({ id: other, status }) => status !== "terminating" && other !== former?.row.id,
  );
  if (present.length < max) return;
  const most = max === 1 ? "1 instance" : `${max} instances`;
  throw new AppError("conflict", `Fleet "${name}" is full: its \`nodes\` allow ${most} at most`, {
    hint: `Raise \`nodes\` of the fleet, delete an instance (\`dstack fleet delete ${name} -i NUMBER\`), or join another fleet`,
  });
};
