import type { Clock } from "../shared/clock.ts";
import type { Log } from "./process/logFile.ts";
import type { OnTermination } from "./process/terminations.ts";

/** Where text goes. Writing is synchronous, so that order is kept and a slow reader slows the command down. */
export interface Output {
  readonly isTerminal: boolean;
  /** Whether ANSI colours may be used (`NO_COLOR`, `FORCE_COLOR`, `TERM` are taken into account). */
  readonly hasColour: boolean;
  /** Undefined where there is neither a terminal nor `COLUMNS`. */
  readonly columns: number | undefined;
  /** Height of the screen; undefined where there is none. */
  readonly rows: number | undefined;
  write(data: string | Uint8Array): void;
}

export interface Input {
  readonly isTerminal: boolean;
  /** The next line without its end; undefined at the end of the input or when `signal` aborts. */
  readLine(signal?: AbortSignal): Promise<string | undefined>;
  /** What is typed is not shown until it is disposed of, where there is a terminal. */
  hideTyping(): Disposable;
  /** Everything that is left. */
  readAll(): Promise<string>;
}

/** Ctrl-C. While nobody listens, it ends the process. */
export interface Interrupts {
  /** The newest listener alone hears the next Ctrl-C, each listener once; disposing stops listening. */
  listen(): { readonly signal: AbortSignal } & Disposable;
}

/** All that a command may touch of the world around it. */
export interface Context {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly home: string;
  readonly input: Input;
  /** Tables, prompts, messages and errors alike (docs/spec/cli.md §1). */
  readonly out: Output;
  /** Wrong usage, and remarks that must not get into a pipe. */
  readonly err: Output;
  readonly interrupts: Interrupts;
  /** SIGTERM and SIGHUP end the process at once, after what was asked for here. */
  readonly onTermination: OnTermination;
  /** How this program is run by others. */
  readonly self: readonly string[];
  readonly clock: Clock;
  /** For whoever looks into it later: `~/.dstack/logs/cli`. */
  readonly log: Log;
}
