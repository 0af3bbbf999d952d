import type { FleetSpec } from "../../../shared/api/fleets.ts";
import type { SshConfig } from "../../../shared/config/sshConfig.ts";
import { AppError } from "../../../shared/errors.ts";
import { whyNoKey } from "../../hosts/privateKey.ts";
import type { HostSecrets } from "../../hosts/target.ts";
import type { InstanceRow } from "../../store/instances.ts";
import type { SshAddress, SshInstance } from "../../store/sshInstance.ts";

/** One host of an SSH fleet with all that is said of it, wherever in the configuration. */
export interface WantedHost {
  ssh: SshInstance;
  blocks: number | "auto";
  /** Absent: the configuration came without a key, as it is stored. */
  secrets: Omit<HostSecrets, "sudoPassword"> | undefined;
}

/** As it is stored. */
export interface SealedHost extends Omit<WantedHost, "secrets"> {
  sealed: string;
  /** The instance that it was until now, whose number, labels and cordon it keeps. */
  was?: Pick<InstanceRow, "instance_num" | "labels" | "cordon">;
}

type Host = Exclude<SshConfig["hosts"][number], string>;
type Jump = NonNullable<SshConfig["proxy_jump"]>;

const SSH_PORT = 22;

/** Under which a host is known, server-wide: names are the same in any case. */
export const hostKeyOf = (hostname: string): string => hostname.toLowerCase();

export const hostsOf = ({ configuration }: Pick<FleetSpec, "configuration">): WantedHost[] => {
  const { ssh_config: common, blocks } = configuration;
  return (common?.hosts ?? []).map((given) => {
    const host: Partial<Host> & { hostname: string } =
      typeof given === "string" ? { hostname: given } : given;
    const jump = host.proxy_jump ?? common?.proxy_jump ?? null;
    const key = (host.ssh_key ?? common?.ssh_key)?.private;
    return {
      ssh: {
        hostname: host.hostname,
        port: host.port ?? common?.port ?? SSH_PORT,
        user: host.user ?? common?.user ?? "",
        jump: jump && addressOf(jump),
        internal_ip: host.internal_ip ?? null,
        network: common?.network ?? null,
        host_key: null,
        jump_host_key: null,
        step: "waiting",
        attempts: 0,
        error: null,
        rights: null,
      },
      blocks: host.blocks ?? blocks,
      secrets: key ? { key, jumpKey: jump?.ssh_key?.private ?? null } : undefined,
    };
  });
};

const addressOf = ({ hostname, port, user }: Jump): SshAddress => ({
  hostname,
  port: port ?? SSH_PORT,
  user,
});

/** The specification as it is stored, shown and compared: keys open hosts, and are nobody's to read again. */
export const withoutKeys = (spec: FleetSpec): FleetSpec => {
  const { ssh_config: ssh } = spec.configuration;
  if (ssh === null) return spec;
  const bare = <T extends { ssh_key?: unknown; proxy_jump?: Jump | null }>(one: T): T => ({
    ...one,
    ssh_key: null,
    proxy_jump: one.proxy_jump ? { ...one.proxy_jump, ssh_key: null } : null,
  });
  const hosts = ssh.hosts.map((host) => (typeof host === "string" ? host : bare(host)));
  return { ...spec, configuration: { ...spec.configuration, ssh_config: { ...bare(ssh), hosts } } };
};

/** More than anybody logs in to from one file. */
const MOST_HOSTS = 1_000;

/** Printable, and nothing that a name or an address of a host has not; a line of its own each on the way to a host. */
const HOST_NAME = /^[A-Za-z0-9_]([A-Za-z0-9_.:%-]{0,253})$/;
const USER_NAME = /^[^\s\p{Cc}:/-][^\s\p{Cc}:/]{0,254}$/u;

/** Refuses hosts that could not be logged in to (docs/spec/configuration.md §5); nothing is looked up. */
export const checkHosts = (spec: FleetSpec): void => {
  const hosts = hostsOf(spec);
  if (hosts.length > MOST_HOSTS)
    throw new AppError("invalid", `ssh_config: a fleet has at most ${MOST_HOSTS} hosts, got ${hosts.length}`);
  const seen = new Set<string>();
  for (const { ssh, secrets } of hosts) {
    for (const address of [ssh, ...(ssh.jump ? [ssh.jump] : [])]) checkAddress(address);
    const known = hostKeyOf(ssh.hostname);
    if (seen.has(known))
      throw new AppError("invalid", `ssh_config: the host ${ssh.hostname} is there more than once`, {
        hint: "A host is known by its name: give each port that leads to another host a name of its own",
      });
    seen.add(known);
    if (secrets) checkKeys(ssh, secrets);
  }
};

const checkAddress = ({ hostname, port, user }: SshAddress): void => {
  if (!HOST_NAME.test(hostname))
    throw new AppError("invalid", `ssh_config: ${JSON.stringify(hostname)} is no name or address of a host`);
  if (port < 1 || port > 65_535)
    throw new AppError("invalid", `ssh_config: the port of ${hostname} is 1 to 65535, not ${port}`);
  if (!USER_NAME.test(user))
    throw new AppError(
      "invalid",
      `ssh_config: ${JSON.stringify(user)} is no name of a user, for ${hostname}`,
    );
};

const checkKeys = (ssh: SshInstance, { key, jumpKey }: NonNullable<WantedHost["secrets"]>): void => {
  const wrong = whyNoKey(key);
  if (wrong) throw new AppError("invalid", `ssh_config: the private key for ${ssh.hostname} ${wrong}`);
  if (!ssh.jump) return;
  if (jumpKey === null)
    throw new AppError(
      "invalid",
      `ssh_config: there is no private key for the jump host ${ssh.jump.hostname}`,
    );
  const wrongJump = whyNoKey(jumpKey);
  if (wrongJump)
    throw new AppError("invalid", `ssh_config: the private key for ${ssh.jump.hostname} ${wrongJump}`);
};
