import { AppError } from "../../../shared/errors.ts";
import type { Deps } from "../../deps.ts";
import { findFleet } from "../../store/fleets.ts";
import { findInstance, type InstanceRow } from "../../store/instances.ts";
import { findSshHost } from "../../store/sshHosts.ts";
import type { UserRow } from "../../store/users.ts";
import { hasJob } from "../fleets/deleteFleets.ts";
import { openSecrets, sealSecrets } from "../fleets/sshSecrets.ts";
import { CORDONED_BY } from "./closed.ts";

interface Wish {
  force: boolean;
  sudoPassword: string | null;
  user: UserRow;
}

/**
 * Logs in to a host of an SSH fleet once more and installs the agent anew, by the key that was kept for that. It leaves
 * its fleet and comes in again under the same number, so that whatever has the old credential is refused from now on. The
 * host's key stays pinned: a machine that was exchanged is not let in by a kept key.
 */
export const reinstallInstance = async (
  deps: Pick<Deps, "db" | "fleets" | "engine" | "secrets">,
  instance: InstanceRow,
  { force, sudoPassword, user }: Wish,
): Promise<void> => {
  const { db, fleets, engine, secrets: box } = deps;
  await requireKey(deps, instance);
  if (force) await engine.loseJobs(instance);
  await fleets.withFleet(instance.fleet_id, async () => {
    const [fleet, row] = [await findFleet(db, instance.fleet_id), await findInstance(db, instance.id)];
    if (!fleet || !row || row.deleted) throw new AppError("not_found", `Instance ${instance.name} is gone`);
    const { ssh, sealed } = await requireKey(deps, row);
    const secrets = { ...openSecrets(box, sealed), sudoPassword };
    const host = {
      ssh: { ...ssh, step: "waiting" as const, attempts: 0, error: null, rights: null, carried_port: null },
      blocks: row.blocks,
      sealed: sealSecrets(box, secrets),
      was: { ...row, cordon: row.cordon?.by === CORDONED_BY ? null : row.cordon },
    };
    const exchanged = { leaving: [row], coming: [host] };
    await fleets.exchange(fleet, exchanged, {
      origin: "reinstallation",
      actorId: user.id,
      inUse: hasJob,
    });
  });
};

const requireKey = async ({ db }: Pick<Deps, "db">, { id, name, ssh }: InstanceRow) => {
  const sealed = ssh && (await findSshHost(db, id))?.secrets_sealed;
  if (!ssh?.keeps_key || !sealed)
    throw new AppError("conflict", `${name} cannot be installed anew: no key of its host is kept`, {
      hint: ssh
        ? "Take it out and apply its fleet again, which sends the key; with --keep-ssh-keys it is kept"
        : "It has joined by itself: run the line of `dstack fleet token create` on the host",
    });
  return { ssh, sealed };
};
