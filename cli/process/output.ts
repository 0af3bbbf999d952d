import { writeSync } from "node:fs";
import { isatty } from "node:tty";
import type { Output } from "../context.ts";
import { wantsColour } from "../output/style.ts";

const BROKEN_PIPE_EXIT = 128 + 13;
const FULL_PIPE_WAIT_MS = 2;

/**
 * One of the standard streams. Written synchronously: what a command has printed is out before the next thing it
 * does, and nothing is lost when it exits.
 */
export const createOutput = (fd: 1 | 2, env: Readonly<Record<string, string | undefined>>): Output => {
  const isTerminal = isatty(fd);
  return {
    isTerminal,
    hasColour: wantsColour(env, isTerminal),
    get columns() {
      const wished = Number.parseInt(env["COLUMNS"] ?? "", 10);
      if (wished > 0) return wished;
      return isTerminal ? terminalOf(fd).columns || undefined : undefined;
    },
    get rows() {
      return isTerminal ? terminalOf(fd).rows || undefined : undefined;
    },
    write: (data) => writeAll(fd, typeof data === "string" ? Buffer.from(data) : data),
  };
};

/** Asked for its size only when that matters: it costs a start some time. One that does not know it says 0. */
const terminalOf = (fd: 1 | 2): { readonly columns?: number; readonly rows?: number } =>
  fd === 1 ? process.stdout : process.stderr;

const writeAll = (fd: number, bytes: Uint8Array): void => {
  let written = 0;
  while (written < bytes.length) {
    try {
      written += writeSync(fd, bytes, written);
    } catch (err) {
      const { code } = err as NodeJS.ErrnoException;
      // A pipe that someone else has made non-blocking, and that is full.
      if (code === "EAGAIN") Bun.sleepSync(FULL_PIPE_WAIT_MS);
      // The reader has left (`dstack logs … | head`): end as if by the signal that other programs die of.
      else if (code === "EPIPE") process.exit(BROKEN_PIPE_EXIT);
      else throw err;
    }
  }
};
