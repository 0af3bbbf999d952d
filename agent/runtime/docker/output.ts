import type { Socket } from "node:net";
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

const PLAIN = { push: (bytes: Buffer) => [bytes], end: (): Buffer[] => [] };

/** Copies what the terminal shows until it closes: at the container's end, or because the connection broke. */
export const copyTerminal = async (terminal: Terminal, spool: Spool): Promise<void> => {
  try {
    await pump(terminal, (bytes) => spool.append(bytes));
  } catch {
    // A broken connection is no end of the job: the caller asks the engine, and reads on in its log.
  }
};

/**
 * Copies what the engine's own log has beyond the spool, and follows it until the container ends. Throws when the
 * connection breaks; what was written is right also then, and the next call goes on behind it.
 */
export const copyLog = async (container: Docker.Container, spool: Spool): Promise<void> => {
  // Podman has no `local` driver, and gives times to a second: they could not tell pieces of a line from lines.
  const timestamps = (await container.inspect()).HostConfig.LogConfig?.Type === "local";
  const stream = await container.logs({ follow: true, stdout: true, stderr: true, timestamps });
  const frames = timestamps ? new LogFrames() : PLAIN;
  let toSkip = spool.source;
  const write = async (parts: Buffer[]) => {
    const bytes = parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts);
    const fresh = bytes.subarray(Math.min(toSkip, bytes.length));
    toSkip -= bytes.length - fresh.length;
    if (fresh.length > 0) await spool.append(fresh);
  };
  await pump(stream, (bytes) => write(frames.push(bytes)));
  await write(frames.end());
};
