import { existsSync } from "node:fs";
import type { Socket } from "node:net";
import { dirname, join } from "node:path";
import type Docker from "dockerode";
import { hijack } from "./hijack.ts";
import { LogFrames } from "./logFrames.ts";
import { pump } from "./pump.ts";
import type { Spool } from "./spool.ts";

/** A container's terminal: what it shows, and the keyboard. */
export type Terminal = Socket;

/** Keys that a terminal turns into an interrupt and into the end of what is read from it. */
export const CTRL_C = "\x03";
export const CTRL_D = "\x04";

/** Opened before the start, it misses no byte. */
export const attachTerminal = (container: Docker.Container): Promise<Terminal> =>
  attach(container, "stream=1&stdin=1&stdout=1&stderr=1");

/** Only the keyboard, for a container that runs already. */
export const attachKeyboard = (container: Docker.Container): Promise<Terminal> =>
  attach(container, "stream=1&stdin=1");

const attach = async (container: Docker.Container, query: string): Promise<Terminal> => {
  const terminal = await hijack(container, `/containers/${container.id}/attach?${query}`);
  // A broken connection is seen where it is read; without a listener an error while typing would end the agent.
  terminal.on("error", () => {});
  return terminal;
};

/**
 * Copies what the terminal shows until it closes. False: the connection broke, which is no end of the job; the caller
 * asks the engine, and reads on in its log.
 */
export const copyTerminal = async (terminal: Terminal, spool: Spool): Promise<boolean> => {
  try {
    await pump(terminal, (bytes) => spool.append(bytes));
    return true;
  } catch {
    return false;
  }
};

/** How far a log was read, by the engine's own times (LogFrames); empty: not yet, or they are not known. */
export interface LogPlace {
  readTo: string;
}

/**
 * Copies what the engine's own log has beyond the spool, and follows it until the container ends. Throws when the
 * connection breaks; what was written is right also then, and the next call goes on behind it.
 */
export const copyLog = async (container: Docker.Container, spool: Spool, place: LogPlace): Promise<void> => {
  const info = await container.inspect();
  // Podman has no `local` driver, and gives times to a second: they could not tell pieces of a line from lines.
  const timestamps = info.HostConfig.LogConfig?.Type === "local";
  const isCut = hasRotated(info);
  const since = isCut ? { since: place.readTo ? secondOf(place.readTo) : spool.writtenAt / 1000 } : {};
  const stream = await container.logs({ follow: true, stdout: true, stderr: true, timestamps, ...since });
  // Our clock is too coarse to tell what was read from what has come in the same millisecond.
  const frames = timestamps ? new LogFrames(isCut ? place.readTo : "") : PLAIN;
  let [toSkip, isSaid] = [isCut ? 0 : spool.source, false];
  const write = async (parts: Buffer[]) => {
    const bytes = parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts);
    const fresh = bytes.subarray(Math.min(toSkip, bytes.length));
    toSkip -= bytes.length - fresh.length;
    if (fresh.length > 0) {
      if (isCut && !isSaid) await spool.notice(CUT);
      isSaid = true;
      await spool.append(fresh);
    }
    place.readTo = frames.newest;
  };
  await pump(stream, (bytes) => write(frames.push(bytes)));
  await write(frames.end());
};

const secondOf = (time: string): number =>
  Date.parse(`${time.slice(0, "2026-11-24T20:10:41".length)}Z`) / 1000;

const PLAIN = { push: (bytes: Buffer) => [bytes], end: (): Buffer[] => [], newest: "" };

const CUT =
  "The agent lost sight of the job here, and its log is too long to be read from its beginning: some output may be missing";

/** Whether the beginning of the log is gone, so that nothing tells at which byte of the output it begins now. */
const hasRotated = ({ HostnamePath }: Docker.ContainerInspectInfo): boolean =>
  // Beside the other files of the container (moby/moby, daemon/logger/local); not visible: rootless, or another host.
  HostnamePath !== "" && existsSync(join(dirname(HostnamePath), "local-logs/container.log.1"));
