import { AppError, messageOf } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { openSecrets, sealSecrets } from "../domain/fleets/sshSecrets.ts";
import type { CarriedLinks } from "../hosts/carriedLinks.ts";
import type { Db, Statement } from "../store/db.ts";
import { findInstance, type InstanceRow } from "../store/instances.ts";
import type { SecretBox } from "../store/secretBox.ts";
import { changeSshSecrets, findSshHost, patchSshInstance } from "../store/sshHosts.ts";
import type { Capacity } from "./capacity.ts";

interface CarriedHostsDeps {
  db: Db;
  box: SecretBox;
  capacity: Capacity;
  links: CarriedLinks;
  log: Logger;
}

/** It reaches the coordinator by a login that the coordinator holds. */
export const isCarried = ({ ssh }: Pick<InstanceRow, "ssh">): boolean =>
  typeof ssh?.carried_port === "number";

/** Holds that login from now on; what opens the host stays in the store for it. */
export const holdCarried = async (deps: CarriedHostsDeps, row: InstanceRow): Promise<void> => {
  const { db, box, links } = deps;
  const host = await findSshHost(db, row.id);
  const { ssh } = row;
  if (!host?.secrets_sealed || !ssh?.carried_port) return;
  const { key, jumpKey } = openSecrets(box, host.secrets_sealed);
  const { hostname, port, user, jump } = ssh;
  links.hold(row.id, {
    login: { hostname, port, user, key, knownKey: ssh.host_key },
    jump: jump && { ...jump, key: jumpKey ?? key, knownKey: ssh.jump_host_key },
    port: ssh.carried_port,
    tell: (err) => void tellCarried(deps, row.id, err),
  });
};

const tellCarried = async (
  { db, capacity, log }: CarriedHostsDeps,
  id: string,
  err: unknown,
): Promise<void> => {
  const error = err === null ? null : textOf(err);
  try {
    const row = await findInstance(db, id);
    if (!row?.ssh || row.status === "pending" || row.ssh.error === error) return;
    const ssh = { ...row.ssh, error };
    await patchSshInstance(db, id, ssh);
    capacity.update(id, { ssh });
  } catch (cause) {
    log.error("The state of a carried link could not be stored", { instance_id: id, err: cause });
  }
};

/** Keeps what opens a host, without the password, which is of no more use once it is in. */
export const keepOpen = async (
  { db, box }: Pick<CarriedHostsDeps, "db" | "box">,
  id: string,
): Promise<Statement[]> => {
  const host = await findSshHost(db, id);
  if (!host?.secrets_sealed) return [];
  const secrets = { ...openSecrets(box, host.secrets_sealed), sudoPassword: null };
  return [changeSshSecrets(db, id, sealSecrets(box, secrets))];
};

/** As the table of the fleet's hosts shows it: one line, with what to do. */
export const textOf = (err: unknown): string => {
  if (!(err instanceof AppError) || err.hint === undefined) return messageOf(err);
  return `${err.message}. ${err.hint}`;
};
