import { z } from "zod";
import { delay } from "../../shared/async/delay.ts";
import { messageOf } from "../../shared/errors.ts";
import { type EngineAddress, parseDockerHost } from "../runtime/docker/address.ts";

/** The part of Docker's `GET /info` that an inventory needs. */
const Info = z.object({
  ServerVersion: z.string(),
  DockerRootDir: z.string(),
  NCPU: z.number().int().positive(),
  MemTotal: z.number().int().positive(),
  OSType: z.string().default("linux"),
});

export interface Engine {
  version: string;
  rootDir: string;
  cpus: number;
  memoryBytes: number;
}

/** Of Docker 19.03 and Podman 3: containers ask for devices by it (`DeviceRequests`), and older engines say nothing to that. */
const OLDEST_API = [1, 40] as const;

/** Engines name it in each answer; one that does not is taken for new enough. */
const isTooOld = (apiVersion: string | null): boolean => {
  const [, major, minor] = /^(\d+)\.(\d+)$/.exec(apiVersion ?? "") ?? [];
  if (major === undefined || minor === undefined) return false;
  const [oldMajor, oldMinor] = OLDEST_API;
  return Number(major) < oldMajor || (Number(major) === oldMajor && Number(minor) < oldMinor);
};

/** Loaded engines answer slowly, but a socket whose daemon hangs must not keep the agent from starting. */
const TIMEOUT_MS = 10_000;

/** An engine that is being restarted leaves its socket and is back after this long. */
const RESTART_MS = 10_000;
const RETRY_MS = 250;

/**
 * The engine that answers at `dockerHost`, or in words for people why none does. Never throws. A socket at which
 * nobody listens is tried again for a while: a host must not lose its runtime because both were started at once.
 */
export const findEngine = async (
  dockerHost: string,
  signal: AbortSignal,
  restartMs = RESTART_MS,
): Promise<{ engine: Engine } | { reason: string }> => {
  const until = Date.now() + restartMs;
  for (;;) {
    try {
      return await askEngine(parseDockerHost(dockerHost), signal);
    } catch (err) {
      const { code } = (err ?? {}) as { code?: unknown };
      if (code !== "ECONNREFUSED" || Date.now() >= until || signal.aborted)
        return { reason: reasonOf(err, dockerHost.replace(/^unix:\/\//, "")) };
      await delay(RETRY_MS, signal);
    }
  }
};

const askEngine = async (address: EngineAddress, signal: AbortSignal) => {
  // Plain HTTP and not dockerode, so that hosts without an engine never load it.
  const [base, options] =
    "socketPath" in address
      ? ["http://docker", { unix: address.socketPath }]
      : [`http://${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`, {}];
  const ended = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
  const answer = await fetch(`${base}/info`, { ...options, signal: ended });
  if (!answer.ok) return { reason: `The Docker engine answers with status ${answer.status}` };
  const info = Info.safeParse(await answer.json());
  if (!info.success) return { reason: "What answers is not a Docker engine" };
  if (info.data.OSType !== "linux")
    return { reason: `The Docker engine runs ${info.data.OSType} containers` };
  const apiVersion = answer.headers.get("api-version");
  if (isTooOld(apiVersion))
    return {
      reason: `The Docker engine is too old: version ${info.data.ServerVersion} has API ${apiVersion}; upgrade it to 19.03 (API ${OLDEST_API.join(".")}) or newer`,
    };
  const { ServerVersion: version, DockerRootDir: rootDir, NCPU: cpus, MemTotal: memoryBytes } = info.data;
  return { engine: { version, rootDir, cpus, memoryBytes } };
};

const REASONS: Record<string, (where: string) => string> = {
  ENOENT: (where) => `Docker is not installed or not running: there is no ${where}`,
  EACCES: (where) =>
    `Permission denied on ${where}: run the agent as root or as a member of the group "docker"`,
  ECONNREFUSED: (where) => `Docker is not running: nothing listens on ${where}`,
  TimeoutError: (where) => `The Docker engine on ${where} did not answer within ${TIMEOUT_MS / 1000} s`,
};

const reasonOf = (err: unknown, where: string): string => {
  const { code, name } = (err ?? {}) as { code?: unknown; name?: unknown };
  const known = REASONS[String(code)] ?? REASONS[String(name)];
  return known?.(where) ?? `Cannot reach the Docker engine on ${where}: ${messageOf(err)}`;
};
