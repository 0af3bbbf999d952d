import type { FleetSpec } from "../../../shared/api/fleets.ts";
import { AppError } from "../../../shared/errors.ts";
import type { Deps } from "../../deps.ts";
import type { FleetRow } from "../../store/fleets.ts";
import { listInstancesOfFleets } from "../../store/instanceLists.ts";
import type { InstanceRow } from "../../store/instances.ts";
import { listTakenHosts } from "../../store/sshHosts.ts";
import { sealSecrets } from "./sshSecrets.ts";
import { hostKeyOf, hostsOf, type SealedHost, type WantedHost } from "./sshSpec.ts";

/** A host belongs to one fleet, of whatever project (docs/spec/lifecycle.md §6). `fleetId`: the one that may have them. */
export const requireFreeHosts = async (
  { db }: Pick<Deps, "db">,
  spec: FleetSpec,
  fleetId: string | undefined,
): Promise<void> => {
  const names = hostsOf(spec).map(({ ssh }) => hostKeyOf(ssh.hostname));
  const taken = (await listTakenHosts(db, names)).filter((host) => host.fleetId !== fleetId);
  if (taken.length === 0) return;
  const told = taken.map(({ hostname, fleetName }) => `${hostname} (in the fleet ${fleetName})`);
  throw new AppError("conflict", `A host can be in one fleet only: ${told.join(", ")}`, {
    hint: "Take it out of that fleet first: `dstack fleet delete FLEET -i NUMBER`, or remove it from its file and apply",
  });
};

/** With what opens them made unreadable; one that nothing was sent for is refused (`invalid`). */
export const sealHosts = (
  { secrets: box }: Pick<Deps, "secrets">,
  hosts: readonly WantedHost[],
  { sudoPassword, keepsKeys }: { sudoPassword: string | null; keepsKeys: boolean },
): SealedHost[] =>
  hosts.map(({ secrets, ...host }) => {
    if (!secrets)
      throw new AppError("invalid", `ssh_config: no private key was sent for ${host.ssh.hostname}`, {
        hint: "Clients send what is in `identity_file`; on the API it is `ssh_key.private`",
      });
    const ssh = keepsKeys ? { ...host.ssh, keeps_key: true } : host.ssh;
    return { ...host, ssh, sealed: sealSecrets(box, { ...secrets, sudoPassword }) };
  });

/** What a fleet's configuration asks of the hosts that are there. */
export interface HostDiff {
  /** Not in the configuration any more. */
  leaving: InstanceRow[];
  /** Given up, and to be tried anew. */
  failed: InstanceRow[];
  coming: WantedHost[];
}

export const diffHosts = async (
  { db }: Pick<Deps, "db">,
  fleet: Pick<FleetRow, "id">,
  spec: FleetSpec,
): Promise<HostDiff> => {
  const rows = (await listInstancesOfFleets(db, [fleet.id])).filter(({ ssh }) => ssh !== null);
  const wanted = hostsOf(spec);
  const keyOf = (row: InstanceRow) => hostKeyOf(row.ssh?.hostname ?? "");
  const names = new Set(wanted.map(({ ssh }) => hostKeyOf(ssh.hostname)));
  const leaving = rows.filter((row) => !names.has(keyOf(row)));
  const failed = rows.filter((row) => names.has(keyOf(row)) && row.status === "terminated");
  const there = new Set(rows.filter(({ status }) => status !== "terminated").map(keyOf));
  return { leaving, failed, coming: wanted.filter(({ ssh }) => !there.has(hostKeyOf(ssh.hostname))) };
};
