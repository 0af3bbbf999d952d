import { readFileSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "../../../shared/testing/waitFor.ts";
import { runOk } from "./program.ts";

export interface TerminalOptions {
  /** For its socket and what it recorded. */
  dir: string;
  env: Record<string, string>;
  cwd: string;
  columns?: number;
  rows?: number;
}

/** A terminal with a shell in it, and somebody who sits before it: tmux, with a server of its own. */
export interface Terminal extends AsyncDisposable {
  /** What stands on the screen, without the spaces at the ends of lines. */
  screen(): Promise<string>;
  /** The same with the escape sequences of colours. */
  colouredScreen(): Promise<string>;
  /** Waits until the screen shows it. */
  waitForScreen(pattern: RegExp | string, timeoutMs?: number): Promise<string>;
  /** Runs a command, followed by a line with its exit code. */
  start(command: string): Promise<void>;
  /** The exit code of the command that was started last, once it is over. */
  exitCode(): Promise<number>;
  /** Types a line. */
  type(line: string): Promise<void>;
  ctrlC(): Promise<void>;
  resize(columns: number, rows: number): Promise<void>;
  /** Lines that have scrolled out of the screen. */
  scrolled(): Promise<number>;
  isCursorShown(): Promise<boolean>;
  /** Everything that was written to it, with all escape sequences. */
  written(): string;
}

export const openTerminal = async (options: TerminalOptions): Promise<Terminal> => {
  const { dir, env, cwd, columns = 100, rows = 30 } = options;
  const [socket, record] = [join(dir, "tmux"), join(dir, "written")];
  const tmux = (...args: string[]) =>
    runOk(["tmux", "-S", socket, "-f", "/dev/null", ...args], { env: { ...env, TERM: "screen" }, cwd });
  const variables = Object.entries({ TERM: "screen-256color", PS1: "$ ", ...env });
  const shell = ["env", "-i", ...variables.map(([name, value]) => `${name}=${value}`), "sh"];
  await tmux("new-session", "-d", "-x", String(columns), "-y", String(rows), ...shell);
  await tmux("pipe-pane", "-O", `cat > '${record}'`);
  let started = 0;
  const screen = async () => (await tmux("capture-pane", "-p")).replaceAll(/ +$/gm, "");
  const ask = async (format: string) => (await tmux("display-message", "-p", format)).trim();
  const waitForScreen = async (pattern: RegExp | string, timeoutMs = 20_000) => {
    let seen = "";
    const look = async () => {
      seen = await screen();
      return (typeof pattern === "string" ? seen.includes(pattern) : pattern.test(seen)) && seen;
    };
    return waitFor(`${pattern} on the screen`, look, timeoutMs).catch((cause: unknown) => {
      throw new Error(`${String(cause)}; it shows:\n${seen}`, { cause });
    });
  };
  const type = async (line: string) => {
    await tmux("send-keys", "-l", "--", line);
    await tmux("send-keys", "Enter");
  };
  await waitForScreen("$ ".trimEnd());
  return {
    screen,
    colouredScreen: () => tmux("capture-pane", "-p", "-e"),
    waitForScreen,
    type,
    start: async (command) => {
      started++;
      await tmux("send-keys", "-R");
      await tmux("clear-history");
      // The line that is typed must not look like the one that is waited for.
      await type(`${command}; echo "ended ${started}=$?."`);
    },
    exitCode: async () => {
      const ended = new RegExp(`ended ${started}=(\\d+)\\.$`, "m");
      return Number(ended.exec(await waitForScreen(ended))?.[1]);
    },
    ctrlC: async () => void (await tmux("send-keys", "C-c")),
    resize: async (width, height) =>
      void (await tmux("resize-window", "-x", String(width), "-y", String(height))),
    scrolled: async () => Number(await ask("#{history_size}")),
    isCursorShown: async () => (await ask("#{cursor_flag}")) === "1",
    written: () => readFileSync(record, "utf8"),
    [Symbol.asyncDispose]: async () => void (await tmux("kill-server")),
  };
};
