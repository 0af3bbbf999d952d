import { closeSync, openSync, readFileSync } from "node:fs";
import { messageOf } from "../../../shared/errors.ts";
import { waitFor } from "../../../shared/testing/waitFor.ts";

/** Where a program runs: in a host's network namespace, or (undefined) in this machine's own network. */
export interface Place {
  netns: string | undefined;
}
export const THIS_MACHINE: Place = { netns: undefined };

/** `nsenter` and not `ip netns exec`: that one puts a fresh /sys over the cgroups that dockerd needs. */
const commandIn = (place: Place, command: readonly string[]): string[] =>
  place.netns === undefined ? [...command] : ["nsenter", `--net=/run/netns/${place.netns}`, "--", ...command];

export interface ProgramOptions {
  name: string;
  command: readonly string[];
  /** Its output goes here, appended: a restarted program continues the file of its predecessor. */
  logFile: string;
  env: Record<string, string>;
  cwd: string;
  place?: Place;
}

/** A program that runs until it is ended; its output is in a file, so that nothing is lost when it is killed. */
export interface Program extends AsyncDisposable {
  name: string;
  pid: number;
  exited: Promise<number>;
  isRunning(): boolean;
  output(): string;
  /** The first match in what this process has written; fails at once, with the output, when the process ends. */
  waitForOutput(pattern: RegExp, timeoutMs?: number): Promise<RegExpMatchArray>;
  /** As a crash: no clean-up, no last words. Resolves when it is gone. */
  kill9(): Promise<void>;
  /** As on a machine that hangs: it does nothing at all until it is thawed. A frozen program can be killed. */
  freeze(): void;
  thaw(): void;
  /** As an administrator: SIGTERM; after ten seconds the harness insists and throws. */
  stop(): Promise<number>;
}

const LAST_WORDS = 4_000;

export const startProgram = (options: ProgramOptions): Program => {
  const { name, command, logFile, env, cwd, place = THIS_MACHINE } = options;
  const log = openSync(logFile, "a");
  const begin = readFileSync(logFile).length;
  const child = Bun.spawn(commandIn(place, command), { cwd, env, stdin: "ignore", stdout: log, stderr: log });
  closeSync(log);
  const output = () => readFileSync(logFile).subarray(begin).toString("utf8");
  const failure = (what: string) => new Error(`${name} ${what}; it wrote:\n${output().slice(-LAST_WORDS)}`);
  const isGone = () => child.exitCode !== null || child.signalCode !== null;

  const kill9 = async () => {
    child.kill("SIGKILL");
    await child.exited;
  };
  const stop = async () => {
    child.kill("SIGTERM");
    child.kill("SIGCONT");
    await waitFor(`${name} to end`, isGone, 10_000).catch(async (err: unknown) => {
      await kill9();
      throw failure(messageOf(err));
    });
    return child.exited;
  };
  return {
    name,
    pid: child.pid,
    exited: child.exited,
    isRunning: () => !isGone(),
    output,
    waitForOutput: (pattern, timeoutMs = 30_000) => {
      const look = () => {
        const found = output().match(pattern);
        if (found) return found;
        if (isGone())
          throw failure(`ended (${child.exitCode ?? child.signalCode}) before writing ${pattern}`);
        return undefined;
      };
      return waitFor(`${name} to write ${pattern}`, look, timeoutMs).catch((err: unknown) => {
        throw isGone() ? err : failure(messageOf(err));
      });
    },
    kill9,
    freeze: () => child.kill("SIGSTOP"),
    thaw: () => child.kill("SIGCONT"),
    stop,
    [Symbol.asyncDispose]: async () => {
      if (!isGone()) await stop();
    },
  };
};

export interface Finished {
  code: number;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  input?: string;
  place?: Place;
  timeoutMs?: number;
  /** What ends it when it takes too long; one that it can do something with has it say where it is. */
  killSignal?: "SIGKILL" | "SIGABRT";
}

/** Runs a command to its end. It fails only where the command cannot be started or takes too long. */
export const run = async (command: readonly string[], options: RunOptions = {}): Promise<Finished> => {
  const { cwd, env, input, place = THIS_MACHINE, timeoutMs = 60_000, killSignal = "SIGKILL" } = options;
  const child = Bun.spawn(commandIn(place, command), {
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env }),
    stdin: input === undefined ? "ignore" : Buffer.from(input),
    stdout: "pipe",
    stderr: "pipe",
    timeout: timeoutMs,
    killSignal,
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (child.signalCode === killSignal) {
    throw new Error(`Killed after at most ${timeoutMs} ms: ${command.join(" ")}\n${stdout}${stderr}`);
  }
  return { code, stdout, stderr };
};

/** The same for a command that must succeed; answers what it printed. */
export const runOk = async (command: readonly string[], options: RunOptions = {}): Promise<string> => {
  const { code, stdout, stderr } = await run(command, options);
  if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}:\n${stdout}${stderr}`);
  return stdout;
};
