import { isIP } from "node:net";
import { createNetworks } from "../../shared/net/networks.ts";

/** Longer chains of proxies are somebody's joke. */
const MOST_HOPS = 20;

export type ClientAddress = (peer: string | undefined, forwarded: string | null) => string | undefined;

/**
 * Who a request is from: whoever connected, unless that is a proxy that is trusted; then whom it names in
 * X-Forwarded-For, and so on from the end, as everything before the last trusted word may be the client's own.
 * `proxies`: addresses, and networks as `10.0.0.0/8`.
 */
export const createClientAddress = (proxies: readonly string[]): ClientAddress => {
  const isTrusted = createNetworks(proxies);
  return (peer, forwarded) => {
    if (peer === undefined || proxies.length === 0) return peer;
    let known = plain(peer);
    const named = (forwarded ?? "")
      .split(",")
      .slice(-MOST_HOPS)
      .map((entry) => plain(entry.trim()));
    for (const address of named.reverse()) {
      if (!isTrusted(known) || isIP(address) === 0) break;
      known = address;
    }
    return known;
  };
};

/** A socket for both families shows IPv4 addresses as `::ffff:10.0.0.1`; some proxies put brackets and a port. */
const plain = (address: string): string => {
  const [, bracketed, withPort] = /^(?:\[([^\]]+)\](?::\d+)?|([\d.]+):\d+)$/.exec(address) ?? [];
  return (bracketed ?? withPort ?? address).replace(/^::ffff:(?=[\d.]+$)/i, "");
};
