import type { Clock } from "../../shared/clock.ts";
import type { InstanceReason } from "../../shared/states.ts";
import { instanceMoved } from "../domain/events/instanceEvents.ts";
import type { CarriedLinks } from "../hosts/carriedLinks.ts";
import type { HostProgress } from "../hosts/target.ts";
import type { Db } from "../store/db.ts";
import type { TellEvents } from "../store/events.ts";
import { findInstance, type InstanceRow, moveInstance } from "../store/instances.ts";
import { revokeJoinTokensOfInstance } from "../store/joinTokens.ts";
import type { SecretBox } from "../store/secretBox.ts";
import { forgetSshSecrets, patchComingHost } from "../store/sshHosts.ts";
import type { SshInstance } from "../store/sshInstance.ts";
import type { AgentSessions } from "./agentSessions.ts";
import type { Capacity } from "./capacity.ts";
import { isCarried, keepOpen } from "./carriedHosts.ts";
import { commit } from "./changes.ts";
import type { Engine } from "./engine.ts";

interface ComingHostsDeps {
  db: Db;
  tell: TellEvents;
  clock: Clock;
  box: SecretBox;
  capacity: Capacity;
  agents: AgentSessions;
  engine: Pick<Engine, "updateInstance">;
  links: CarriedLinks;
}

/** What is stored of a host that is on its way. For one host all notes come one after another, from its own task. */
export const noteHost = async (
  { db, capacity }: Pick<ComingHostsDeps, "db" | "capacity">,
  id: string,
  patch: Partial<SshInstance>,
): Promise<void> => {
  const row = await findInstance(db, id);
  if (!row?.ssh) return;
  const ssh = { ...row.ssh, ...patch };
  await patchComingHost(db, id, ssh);
  if (capacity.get(id)?.instance.status === "pending") capacity.update(id, { ssh });
};

export const patchOf = ({
  hostKey,
  jumpHostKey,
  step,
  rights,
  carriedPort,
}: HostProgress): Partial<SshInstance> => ({
  ...(step === undefined ? {} : { step }),
  ...(rights === undefined ? {} : { rights }),
  ...(carriedPort === undefined ? {} : { carried_port: carriedPort }),
  ...(hostKey === undefined ? {} : { host_key: hostKey }),
  ...(jumpHostKey === undefined ? {} : { jump_host_key: jumpHostKey }),
});

type HostEnd = { to: "idle" } | { to: "terminated"; reason: InstanceReason; message: string };

/** It is in, or never will be: either way what opens it is forgotten now. Within its fleet's turn. */
export const settleHost = async (deps: ComingHostsDeps, row: InstanceRow, end: HostEnd): Promise<void> => {
  const { db, clock, capacity, agents, engine, links } = deps;
  const now = clock.now();
  const { to } = end;
  const ssh = row.ssh && { ...row.ssh, ...(to === "idle" ? { step: "done" as const, error: null } : {}) };
  const patch =
    end.to === "idle"
      ? { ssh, idle_since: now }
      : { ssh, finished_at: now, termination_reason: end.reason, termination_reason_message: end.message };
  const told = end.to === "idle" ? {} : { reason: end.reason, message: end.message };
  await commit(deps, {
    statements: [
      moveInstance(db, row.id, { to, patch }),
      ...(to === "idle" && (isCarried(row) || row.ssh?.keeps_key)
        ? await keepOpen(deps, row.id)
        : [forgetSshSecrets(db, row.id)]),
      revokeJoinTokensOfInstance(db, row.id),
    ],
    events: instanceMoved(row, { from: row.status, to, ...told }),
    effects: [
      () => {
        if (to === "idle") return engine.updateInstance(row.id, { ...patch, status: to });
        void links.drop(row.id);
        // It stays in the fleet's list, for people to see why.
        capacity.remove(row.id);
        agents.forget(row.id);
      },
    ],
  });
};
