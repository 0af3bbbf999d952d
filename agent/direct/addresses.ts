import { networkInterfaces } from "node:os";

const MOST_ADDRESSES = 16;

/** Where others may find this host: all its addresses but those that mean another machine elsewhere. */
export const ownAddresses = (interfaces = networkInterfaces()): string[] => {
  const all = Object.values(interfaces).flatMap((addresses) => addresses ?? []);
  const reachable = all.filter(
    ({ internal, family, address }) => !internal && !(family === "IPv6" && /^fe[89ab]/i.test(address)),
  );
  // Those of version 4 first: they are what local networks are made of.
  const sorted = reachable.toSorted((a, b) => a.family.localeCompare(b.family));
  const found = [...new Set(sorted.map(({ address }) => address))].slice(0, MOST_ADDRESSES);
  return found.length > 0 ? found : ["127.0.0.1"];
};
