import type { Inventory } from "../../../shared/protocol/inventory.ts";
import type { InstanceRow } from "../../store/instances.ts";
import { internalIpOf } from "./provisioningData.ts";

type Node = Pick<InstanceRow, "inventory" | "internal_ip">;

/**
 * The addresses by which the nodes of one task reach each other, by rank: those that their fleet says, else in the first
 * network that all of them are in with an address of their own (bridges of container engines look alike on every host),
 * else the first of each.
 */
export const nodeAddresses = (nodes: readonly Node[]): (string | null)[] => {
  const found = findCommon(nodes.map(({ inventory }) => inventory));
  return nodes.map(({ internal_ip: said }, rank) => said ?? found[rank] ?? null);
};

const findCommon = (inventories: readonly Inventory[]): (string | null)[] => {
  if (inventories.length === 1) return inventories.map(internalIpOf);
  const own = inventories.map((inventory) => inventory.addresses.flatMap((cidr) => parseCidr(cidr) ?? []));
  const [master = []] = own;
  for (const { network } of master) {
    const there = own.map((list) => list.find((address) => address.network === network)?.ip);
    if (there.every((ip) => ip !== undefined) && new Set(there).size === there.length) return there;
  }
  return inventories.map(internalIpOf);
};

const CIDR = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/;

const parseCidr = (cidr: string): { ip: string; network: string } | undefined => {
  const [, ...parts] = CIDR.exec(cidr) ?? [];
  const [a = 0, b = 0, c = 0, d = 0, bits = 33] = parts.map(Number);
  if (parts.length === 0 || bits > 32) return undefined;
  const value = ((a * 256 + b) * 256 + c) * 256 + d;
  return { ip: [a, b, c, d].join("."), network: `${Math.floor(value / 2 ** (32 - bits))}/${bits}` };
};
