import { isWithin, parseAddress, parseNetwork } from "../../../shared/config/address.ts";
import { AppError } from "../../../shared/errors.ts";
import type { Inventory } from "../../../shared/protocol/inventory.ts";
import type { SshInstance } from "../../store/sshInstance.ts";

/**
 * The address by which other nodes reach a host, as its fleet says (docs/spec/lifecycle.md §6): the one that is given,
 * the first IPv4 in the network, or (null) whichever nodes have in common. Refuses (`invalid`) what the host has not.
 */
export const internalIpFor = (
  { hostname, internal_ip: wanted, network }: Pick<SshInstance, "hostname" | "internal_ip" | "network">,
  { addresses }: Pick<Inventory, "addresses">,
): string | null => {
  const own = addresses.map((cidr) => cidr.split("/")[0] ?? "");
  const has = own.length > 0 ? `it has ${own.join(", ")}` : "it has none at all";
  if (wanted !== null) {
    const value = parseAddress(wanted)?.value;
    if (own.some((address) => parseAddress(address)?.value === value)) return wanted;
    throw new AppError("invalid", `internal_ip: ${hostname} has no address ${wanted}: ${has}`, {
      hint: "Correct `internal_ip` of the host in the fleet's configuration",
    });
  }
  if (network === null) return null;
  const within = parseNetwork(network);
  const found = own.find((address) => {
    const parsed = parseAddress(address);
    return parsed?.bits === 32 && within !== undefined && isWithin(parsed, within);
  });
  if (found !== undefined) return found;
  throw new AppError("invalid", `network: ${hostname} has no IPv4 address in ${network}: ${has}`, {
    hint: "Correct `network` of the fleet, or connect the host to that network",
  });
};
