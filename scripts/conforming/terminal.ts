import { waitFor } from "../../shared/testing/waitFor.ts";

/** A program on a terminal of its own, and somebody at its keys. */
export interface Terminal extends AsyncDisposable {
  /** All that it has written so far, without colours and movements of the cursor. */
  text(): string;
  waitFor(pattern: RegExp, timeoutMs?: number): Promise<string>;
  type(keys: string): void;
  /** Its exit code, once it has ended by itself. */
  ended(timeoutMs?: number): Promise<number>;
}

export const CTRL_C = "\x03";

export interface TerminalOptions {
  cwd: string;
  env: Record<string, string>;
}

export const openTerminal = (command: readonly string[], { cwd, env }: TerminalOptions): Terminal => {
  const decoder = new TextDecoder();
  let written = "";
  const child = Bun.spawn([...command], {
    cwd,
    env: { ...env, TERM: "xterm-256color" },
    terminal: {
      cols: 160,
      rows: 50,
      data: (_, bytes) => {
        written += decoder.decode(bytes, { stream: true });
      },
    },
  });
  const text = () => Bun.stripANSI(written).replaceAll("\r", "");
  const failure = (what: string) => (err: unknown) => {
    throw new Error(`${command.slice(1).join(" ")} ${what}; it wrote:\n${text()}`, { cause: err });
  };
  const gone = () => (child.exitCode ?? child.signalCode) !== null;
  return {
    text,
    waitFor: (pattern, timeoutMs = 20_000) =>
      waitFor(`${pattern}`, () => pattern.test(text()) && text(), timeoutMs).catch(
        failure(`did not write ${pattern}`),
      ),
    type: (keys) => void child.terminal?.write(keys),
    ended: async (timeoutMs = 20_000) => {
      await waitFor("its end", gone, timeoutMs).catch(failure("did not end"));
      return child.exited;
    },
    [Symbol.asyncDispose]: async () => {
      if (!gone()) child.kill("SIGKILL");
      await child.exited;
      child.terminal?.close();
    },
  };
};
