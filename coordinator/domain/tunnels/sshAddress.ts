import type { SshAddress } from "../../config.ts";
import type { Deps } from "../../deps.ts";

/**
 * Where a client finds SSH for jobs, which it is told; undefined: nowhere. `reachedBy`: the host by which it has reached the
 * coordinator, which leads to the coordinator's SSH too where nobody has said otherwise.
 */
export const sshAddressOf = (
  { config, ssh }: Pick<Deps, "config" | "ssh">,
  reachedBy: string,
): SshAddress | undefined => {
  const { sshAddress, sshProxyToken, publicUrl } = config;
  // One beside the coordinator is there when it may ask for the way.
  if (sshAddress && (ssh.port !== undefined || sshProxyToken !== undefined)) return sshAddress;
  if (ssh.port === undefined) return undefined;
  const host = publicUrl === undefined ? reachedBy : new URL(publicUrl).hostname;
  return { hostname: host.replace(/^\[|\]$/g, ""), port: ssh.port };
};

/** Whether users are to go by way of a proxy alone, so that no key of theirs gets to a host. */
export const isProxyEnforced = (deps: Pick<Deps, "config" | "ssh">): boolean =>
  deps.config.isSshProxyEnforced && sshAddressOf(deps, "") !== undefined;

const PORT = 22;

/** The coordinator's host key, as a line of `known_hosts`; undefined: whoever answers SSH there has a key of its own. */
export const knownHostLine = (deps: Pick<Deps, "config" | "ssh">, reachedBy: string): string | undefined => {
  const { sshAddress, sshProxyToken } = deps.config;
  const address = sshAddressOf(deps, reachedBy);
  if (!address || deps.ssh.port === undefined || (sshAddress && sshProxyToken !== undefined))
    return undefined;
  const { hostname, port } = address;
  const name = port === null || port === PORT ? hostname : `[${hostname}]:${port}`;
  return `${name} ${deps.ssh.hostKey}`;
};
