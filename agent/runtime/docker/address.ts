import { accessSync, constants } from "node:fs";
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

/**
 * The first engine's socket that this user may use: Docker's, that of a rootless Docker, Podman's, that of a rootless
 * Podman (their documents name these places). Docker's own where there is none, for the words about its absence.
 */
export const findDockerHost = (
  env: Readonly<Record<string, string | undefined>>,
  isUsable = isWritable,
): string => {
  const own = env["XDG_RUNTIME_DIR"] || `/run/user/${process.getuid?.() ?? 0}`;
  const paths = [
    "/var/run/docker.sock",
    `${own}/docker.sock`,
    "/run/podman/podman.sock",
    `${own}/podman/podman.sock`,
  ];
  const found = paths.find(isUsable);
  return found === undefined ? DEFAULT_DOCKER_HOST : `unix://${found}`;
};

const isWritable = (path: string): boolean => {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    // Not there, or not this user's.
    return false;
  }
};
