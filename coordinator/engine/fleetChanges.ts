import type { Clock } from "../../shared/clock.ts";
import type { InstanceReason } from "../../shared/states.ts";
import { instanceEnded, instanceMoved } from "../domain/events/instanceEvents.ts";
import { type InstanceEvent, onInstanceEvent } from "../domain/instances/madeInstanceRules.ts";
import type { Db } from "../store/db.ts";
import type { TellEvents } from "../store/events.ts";
import {
  deleteFailedInstance,
  freeInstance,
  type InstancePatch,
  type InstanceRow,
  moveInstance,
  patchInstance,
} from "../store/instances.ts";
import { revokeJoinTokensOfInstance } from "../store/joinTokens.ts";
import { deleteSshHost } from "../store/sshHosts.ts";
import type { AgentSessions } from "./agentSessions.ts";
import type { Capacity } from "./capacity.ts";
import { type Changes, NOTHING } from "./changes.ts";
import type { Engine } from "./engine.ts";
import type { HostKeeper } from "./hostKeeper.ts";

export interface InstanceChangeDeps {
  db: Db;
  tell: TellEvents;
  clock: Clock;
  capacity: Capacity;
  agents: AgentSessions;
  engine: Pick<Engine, "wakeRunsOn" | "updateInstance">;
  /** A backend is being talked to about it, and may be asked to make it at any moment. */
  isTalkedAbout: (instanceId: string) => boolean;
  hosts: Pick<HostKeeper, "drop">;
}

/** What happens to an instance, what comes with it, and who did it. */
export interface InstanceChange {
  event: InstanceEvent;
  more?: InstancePatch;
  actorId?: string | undefined;
}

/** What an event changes about an instance, in the store and then in memory. */
export const changeInstance = (
  deps: InstanceChangeDeps,
  row: InstanceRow,
  { event, more = {}, actorId }: InstanceChange,
): Changes => {
  const { db, clock, capacity, engine, tell } = deps;
  const now = clock.now();
  if (!row.made)
    return event.kind === "end" ? endJoined(deps, row, { reason: event.reason, actorId }) : NOTHING;
  const isAsked = row.made.offer !== null || deps.isTalkedAbout(row.id);
  const change = onInstanceEvent({ status: row.status, isAsked, wakeAt: row.wake_at }, event, now);
  if (!change) return NOTHING;
  const { to, reason, message, wakeAt } = change;
  const patch: InstancePatch = {
    ...more,
    wake_at: wakeAt,
    ...(reason === undefined ? {} : { termination_reason: reason }),
    ...(message === undefined ? {} : { termination_reason_message: message }),
    ...(to === "idle" ? { idle_since: now } : {}),
    ...(to === "terminated" ? { finished_at: now, deleted: true } : {}),
  };
  const statement =
    to === row.status ? patchInstance(db, row.id, patch) : moveInstance(db, row.id, { to, patch });
  // The job that it was made for may be ending at this moment: who is there the store alone knows for sure.
  const freed =
    event.kind === "joined" && to === "busy"
      ? [
          freeInstance(db, row.id, now),
          ...tell(instanceMoved(row, { from: "busy", to: "idle" }), { ifChanged: true }),
        ]
      : [];
  const remember = () => {
    const isFree = freed.length > 0 && capacity.get(row.id)?.occupants.size === 0;
    if (to === "terminated") forget(deps, row.id);
    else if (isFree) engine.updateInstance(row.id, { ...patch, status: "idle", idle_since: now });
    else engine.updateInstance(row.id, { ...patch, status: to });
    // Whoever waits for it, or is there, is concerned.
    engine.wakeRunsOn(row.id);
  };
  const events =
    to === row.status ? [] : instanceMoved(row, { from: row.status, to, reason, message }, actorId);
  return { statements: [statement, ...freed], events, effects: [remember] };
};

/** Nothing is done on a host that joined by itself: it only has no more business here. */
const endJoined = (
  deps: InstanceChangeDeps,
  row: InstanceRow,
  { reason, actorId }: { reason: InstanceReason; actorId: string | undefined },
): Changes => {
  // It never came in, and was only listed for people to see why.
  if (row.status === "terminated")
    return {
      statements: [deleteFailedInstance(deps.db, row.id), deleteSshHost(deps.db, row.id)],
      effects: [],
    };
  const patch = { termination_reason: reason, finished_at: deps.clock.now(), deleted: true };
  const ofSsh = row.ssh ? [deleteSshHost(deps.db, row.id), revokeJoinTokensOfInstance(deps.db, row.id)] : [];
  return {
    statements: [
      ...ofSsh,
      moveInstance(deps.db, row.id, { to: "terminating", patch: {} }),
      moveInstance(deps.db, row.id, { to: "terminated", patch }),
    ],
    events: instanceEnded(row, reason, actorId),
    effects: [() => deps.hosts.drop(row.id), () => forget(deps, row.id)],
  };
};

const forget = ({ capacity, agents }: InstanceChangeDeps, id: string): void => {
  capacity.remove(id);
  agents.forget(id);
};
