import { AppError } from "../../../shared/errors.ts";

/** Where a container engine answers. */
export type EngineAddress = { socketPath: string } | { host: string; port: number };

export const DEFAULT_DOCKER_HOST = "unix:///var/run/docker.sock";

/** Reads DOCKER_HOST: `unix:///path` or `tcp://host:port` (without TLS). */
export const parseDockerHost = (dockerHost: string): EngineAddress => {
  const unix = /^unix:\/\/(\/.+)$/.exec(dockerHost)?.[1];
  if (unix) return { socketPath: unix };
  const [, host, port] = /^tcp:\/\/(\[[0-9a-f:]+\]|[\w.-]+):(\d{1,5})\/?$/i.exec(dockerHost) ?? [];
  if (host && port) return { host: host.replace(/^\[(.*)\]$/, "$1"), port: Number(port) };
  throw new AppError("invalid", `Cannot use "${dockerHost}" as DOCKER_HOST`, {
    hint: "Give unix:///path/to/docker.sock or tcp://host:port",
  });
};
