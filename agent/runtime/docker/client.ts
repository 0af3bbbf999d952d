import type Docker from "dockerode";
import { parseDockerHost } from "./address.ts";

/** Loads dockerode only when it is needed: hosts without an engine do not pay its memory. */
export const openDocker = async (dockerHost: string): Promise<Docker> => {
  const { default: DockerClient } = await import("dockerode");
  const address = parseDockerHost(dockerHost);
  // Every place is named, or dockerode takes the missing ones from its environment.
  return "socketPath" in address
    ? new DockerClient({ socketPath: address.socketPath, host: undefined, port: undefined })
    : new DockerClient({ ...address, protocol: "http", socketPath: undefined });
};

/** For requests that are not dockerode's. Its client knows where the engine is, its types do not say so. */
export const addressOf = ({ modem }: Pick<Docker, "modem">) => {
  const { socketPath, host, port } = modem as { socketPath?: string; host?: string; port?: number };
  return socketPath
    ? { base: "http://docker", options: { unix: socketPath } }
    : { base: `http://${host?.includes(":") ? `[${host}]` : host}:${port}`, options: {} };
};

/** What dockerode throws: an answer of the engine (with a status), or what the socket said. */
interface EngineError {
  statusCode?: unknown;
  code?: unknown;
  syscall?: unknown;
  json?: { message?: unknown };
  message?: unknown;
}

const fieldsOf = (err: unknown): EngineError => (typeof err === "object" && err !== null ? err : {});

/** HTTP status of the engine's refusal; undefined: it did not answer. */
export const statusOf = (err: unknown): number | undefined => {
  const { statusCode } = fieldsOf(err);
  return typeof statusCode === "number" ? statusCode : undefined;
};

/** What a socket says when the other side is not there, or went away in the middle. */
const LOST = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ERR_STREAM_PREMATURE_CLOSE",
]);

/** What an engine says to whoever asks while it ends, or while its containerd is away: gRPC's words, and Go's. */
const LEAVING =
  /transport is closing|connection is closing|: unavailable$|code = Unavailable|context canceled|daemon is shutting down/;

/** Whether these are the words of an engine that is about to be gone. */
export const isLeaving = (words: string): boolean => LEAVING.test(words);

/** The engine is not there, or soon will not be: worth waiting for. */
export const isUnreachable = (err: unknown): boolean => {
  const { code, syscall } = fieldsOf(err);
  const status = statusOf(err);
  if (status !== undefined) return status >= 500 && isLeaving(engineMessage(err));
  if (typeof code !== "string") return false;
  return LOST.has(code) || (syscall === "connect" && code === "ENOENT");
};

const MAX_WORDS = 1_000;

/** The engine's own words, without dockerode's. */
export const engineMessage = (err: unknown): string => {
  const { json, message } = fieldsOf(err);
  const said = typeof json?.message === "string" ? json.message : message;
  const words = typeof said === "string" ? said : String(err);
  return words
    .replace(/^\(HTTP code \d+\) [\w ]+ - /, "")
    .trim()
    .slice(0, MAX_WORDS);
};
