import { hostname, networkInterfaces } from "node:os";

export const WILDCARDS = new Set(["0.0.0.0", "::", "[::]"]);

/** The address of this machine that others most likely reach: the first IPv4 one that is not its own loopback. */
const firstOutsideAddress = (): string | undefined =>
  Object.values(networkInterfaces())
    .flat()
    .find((address) => address && !address.internal && address.family === "IPv4")?.address;

/** Names and addresses that this machine may be reached by, besides the one that its user has said. */
export const ownNames = (): string[] => [
  "localhost",
  hostname(),
  ...Object.values(networkInterfaces())
    .flat()
    // One with a zone means something on its own link only.
    .flatMap((found) => (found && !found.address.toLowerCase().startsWith("fe80:") ? [found.address] : [])),
];

/** Where the coordinator can be reached that listens on `host` and `port`, when its user has not said it. */
export const addressOf = (host: string, port: number, scheme: "http" | "https" = "http"): string => {
  const name = WILDCARDS.has(host) ? (firstOutsideAddress() ?? "127.0.0.1") : host;
  return `${scheme}://${name.includes(":") ? `[${name}]` : name}:${port}`;
};

/** Whether only this machine itself reaches a host of this name. */
export const isLoopback = (host: string): boolean => /^(localhost|127\.[\d.]+|::1|\[::1\])$/.test(host);
