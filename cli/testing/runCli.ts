import { join } from "node:path";
import { type Clock, systemClock } from "../../shared/clock.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { commands } from "../commands/table.ts";
import type { Context } from "../context.ts";
import { runCommandLine } from "../dispatch.ts";
import { createInput } from "../process/input.ts";
import { createInterrupts } from "../process/interrupts.ts";
import { createLogFile } from "../process/logFile.ts";
import { selfCommand } from "../process/self.ts";
import { memoryOutput } from "./memoryOutput.ts";

export interface CliOptions {
  readonly env?: Record<string, string>;
  /** What is piped in; undefined: nothing at all. */
  readonly stdin?: string;
  /** Width of what is written to; undefined: a pipe. */
  readonly columns?: number;
  /** Somebody sits there: prompts, live tables, colours. */
  readonly isTerminal?: boolean;
  readonly clock?: Clock;
}

interface Finished {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** One command line on its way. */
interface Started {
  readonly finished: Promise<Finished>;
  /** What has been written to stdout so far. */
  out(): string;
  /** The same of stderr. */
  err(): string;
  waitForOut(pattern: RegExp | string): Promise<void>;
  /** Types a line. */
  type(line: string): void;
  /** Ctrl-C. */
  interrupt(): void;
  /** SIGTERM. */
  terminate(): void;
}

/** A person with a home and a folder of their own, who runs the command line in this process. */
export interface Person extends Disposable {
  readonly home: string;
  readonly cwd: string;
  write(name: string, text: string): Promise<string>;
  start(argv: readonly string[], options?: CliOptions): Started;
  run(argv: readonly string[], options?: CliOptions): Promise<Finished>;
}

/** What a process that hears no Ctrl-C ends with. */
const KILLED_BY_INTERRUPT = 130;
const TERMINATED = 143;
/** For what other programs run of us. */
const SELF = selfCommand(process.execPath, join(import.meta.dir, "../main.ts"));

export const newPerson = (defaults: CliOptions = {}): Person => {
  const dir = tempDir();
  const [home, cwd] = [join(dir.path, "home"), dir.path];
  const start = (argv: readonly string[], options: CliOptions = {}) =>
    startCli(argv, { ...defaults, ...options, env: { ...defaults.env, ...options.env } }, { home, cwd });
  return {
    home,
    cwd,
    write: async (name, text) => {
      await Bun.write(join(cwd, name), text);
      return join(cwd, name);
    },
    start,
    run: (argv, options) => start(argv, options).finished,
    [Symbol.dispose]: () => dir[Symbol.dispose](),
  };
};

const startCli = (
  argv: readonly string[],
  options: CliOptions,
  { home, cwd }: { home: string; cwd: string },
): Started => {
  const { isTerminal = false } = options;
  const out = memoryOutput(options);
  const err = memoryOutput(options);
  const killed = Promise.withResolvers<number>();
  const interrupts = createInterrupts(() => killed.resolve(KILLED_BY_INTERRUPT));
  const input = openInput(options.stdin, isTerminal);
  const undos = new Set<() => void>();
  const ctx: Context = {
    env: { ...options.env },
    cwd,
    home,
    input: createInput(() => input.stream, isTerminal),
    out: out.output,
    err: err.output,
    interrupts,
    onTermination: (undo) => {
      undos.add(undo);
      return { [Symbol.dispose]: () => undos.delete(undo) };
    },
    self: SELF,
    clock: options.clock ?? systemClock,
    log: createLogFile({
      home,
      env: { ...options.env },
      now: Date.now,
      onFailure: (message) => err.output.write(message),
    }),
  };
  const finished = Promise.race([runCommandLine(commands, argv, ctx), killed.promise]).then((code) => ({
    code,
    out: out.text(),
    err: err.text(),
  }));
  return {
    finished,
    out: out.text,
    err: err.text,
    waitForOut: async (pattern) => {
      const shows = () =>
        typeof pattern === "string" ? out.text().includes(pattern) : pattern.test(out.text());
      await waitFor(`${pattern} in the output`, shows).catch((cause: unknown) => {
        throw new Error(`${String(cause)}; it is:\n${out.text()}${err.text()}`, { cause });
      });
    },
    type: (line) => input.type(`${line}\n`),
    interrupt: () => interrupts.interrupt(),
    terminate: () => {
      for (const undo of [...undos].reverse()) undo();
      killed.resolve(TERMINATED);
    },
  };
};

/** Piped text ends; a keyboard does not. */
const openInput = (piped: string | undefined, isTerminal: boolean) => {
  const { readable: stream, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const type = (text: string) => void writer.write(new TextEncoder().encode(text)).catch(() => {});
  if (piped !== undefined) type(piped);
  if (!isTerminal) void writer.close().catch(() => {});
  return { stream, type };
};
