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

/** Whether only this machine itself reaches a host of this name. */
export const isLoopback = (host: string): boolean => /^(localhost|127\.[\d.]+|::1|\[::1\])$/.test(host);
