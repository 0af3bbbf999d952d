import { isIP } from "node:net";
import { createNetworks, isNetwork } from "./networks.ts";

type Env = Readonly<Record<string, string | undefined>>;

/**
 * The proxy that `fetch` takes: by scheme, or for all, unless NO_PROXY leaves the host out. For what does not look for
 * itself, as WebSockets do not: polls and tunnels are to go the same way.
 */
export const proxyFor = (url: string, env: Env): string | undefined => {
  const { protocol, hostname, port } = new URL(url);
  const scheme = protocol === "https:" || protocol === "wss:" ? "https" : "http";
  const names = [`${scheme}_proxy`, `${scheme.toUpperCase()}_PROXY`, "all_proxy", "ALL_PROXY"];
  const proxy = names.map((name) => env[name]).find((value) => value);
  if (!proxy) return undefined;
  const target: Target = {
    host: hostname.replace(/^\[|\]$/g, "").replace(/\.$/, ""),
    port: port || (scheme === "https" ? "443" : "80"),
  };
  const without = (env["no_proxy"] || env["NO_PROXY"] || "").toLowerCase().split(/[\s,]+/);
  if (without.some((entry) => leavesOut(entry, target))) return undefined;
  return /^[a-z0-9]+:\/\//i.test(proxy) ? proxy : `http://${proxy}`;
};

interface Target {
  host: string;
  port: string;
}

/** `entry`: a name with all that is under it, an address, a network, each with a port or for all; or `*`. */
const leavesOut = (entry: string, { host, port }: Target): boolean => {
  if (entry === "*") return true;
  if (isNetwork(entry)) return createNetworks([entry])(host);
  const [, bracketed, name, only] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(entry) ?? [];
  const left = bracketed ?? name?.replace(/^\*?\.|\.$/g, "");
  if (left === undefined || left === "" || (only !== undefined && only !== port)) return false;
  if (isIP(host) !== 0) return isNetwork(left) && createNetworks([left])(host);
  return host === left || host.endsWith(`.${left}`);
};
