import { networkInterfaces } from "node:os";

const WILDCARDS = new Set(["0.0.0.0", "::", "[::]"]);

/** The address of this machine that others most likely reach: the first IPv4 one that is not its own loopback. */
const firstOutsideAddress = (): string | undefined =>
  Object.values(networkInterfaces())
    .flat()
    .find((address) => address && !address.internal && address.family === "IPv4")?.address;

/** Where the coordinator can be reached that listens on `host` and `port`, when its user has not said it. */
export const addressOf = (host: string, port: number): string => {
  const name = WILDCARDS.has(host) ? (firstOutsideAddress() ?? "127.0.0.1") : host;
  return `http://${name.includes(":") ? `[${name}]` : name}:${port}`;
};
