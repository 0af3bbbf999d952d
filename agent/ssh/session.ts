import type { Duplex } from "node:stream";
import type { PseudoTtyInfo, ServerChannel, Session } from "ssh2";
import { delay } from "../../shared/async/delay.ts";
import { AppError, messageOf } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import type { TerminalSize, TerminalWish } from "../native/terminal.ts";
import type { TerminalModes } from "../native/terminalModes.ts";
import type { JobShell, ProcessEnd, ShellProcess } from "../runtime/shell.ts";
import { Outlet } from "./outlet.ts";

export interface SessionDeps {
  shell: JobShell | undefined;
  /** Unix user; null: the job's own. */
  user: string | null;
  /** The connection that the session is part of. */
  transport: Duplex;
  /** Of the terminal that the client has just asked for. */
  wishedModes: () => TerminalModes;
  /** Has a socket in the job lead to the client's key agent; undefined: it could not be had. */
  agentSocket: () => Promise<string | undefined>;
  /** Aborted: the job has ended. */
  ended: AbortSignal;
  log: Logger;
}

/** As OpenSSH's server would be told to (docs/spec/agent.md §3). */
const ACCEPTED_ENV = /^(LANG|LC_\w{1,32}|COLORTERM|NO_COLOR)$/;
const MOST_ENV = 32;
const LONGEST_VALUE = 1_000;
const SIGNALS = ["ABRT", "ALRM", "FPE", "HUP", "ILL", "INT", "KILL", "PIPE", "QUIT", "SEGV", "TERM"] as const;
const USER_SIGNALS = ["USR1", "USR2"] as const;
const LARGEST_SIDE = 10_000;

/** OpenSSH says the same where a connection breaks; a shell where a program cannot be run. */
const [BROKEN, CANNOT_RUN] = [255, 126];
/** What a process has left behind may hold its ends for as long as it likes. */
const QUIET_MS = 500;

const sizeOf = ({ cols, rows }: { cols: number; rows: number }): TerminalSize => {
  const within = (side: number, usual: number) => Math.min(Math.trunc(side) || usual, LARGEST_SIDE);
  return { cols: within(cols, 80), rows: within(rows, 24) };
};

/** One session of a client: what it asks for before it begins, and then a process beside the job's command. */
export const serveSession = (session: Session, deps: SessionDeps): void => {
  const env: Record<string, string> = {};
  let terminal: TerminalWish | undefined;
  let process: ShellProcess | undefined;
  session.on("env", (accept, reject, { key, val }) => {
    const isTaken =
      ACCEPTED_ENV.test(key) && val.length <= LONGEST_VALUE && Object.keys(env).length < MOST_ENV;
    if (!isTaken) return reject?.();
    env[key] = val;
    accept?.();
  });
  let agentSocket: Promise<string | undefined> | undefined;
  session.on("auth-agent", (accept) => {
    agentSocket = deps.agentSocket();
    accept?.();
  });
  session.on("pty", (accept, _reject, info: PseudoTtyInfo) => {
    terminal = { ...sizeOf(info), modes: deps.wishedModes() };
    env["TERM"] = info.term || "xterm-256color";
    accept?.();
  });
  session.on("window-change", (accept, _reject, info) => {
    if (terminal) terminal = { ...terminal, ...sizeOf(info) };
    process?.resize(sizeOf(info));
    accept?.();
  });
  session.on("signal", (accept, reject, { name }) => {
    const known = [...SIGNALS, ...USER_SIGNALS].find((one) => one === name);
    if (!process || !known) return reject?.();
    process.signal(`SIG${known}`);
    accept?.();
  });
  const begin = (channel: ServerChannel, command: string | undefined): void => {
    const run = async () => {
      if (!deps.shell) throw noShell();
      const path = await agentSocket;
      if (path !== undefined) env["SSH_AUTH_SOCK"] = path;
      process = await deps.shell.run({ command, env, user: deps.user, terminal });
      if (terminal) process.resize(terminal);
      return process;
    };
    void serveProcess(channel, { ...deps, run, isTerminal: terminal !== undefined });
  };
  session.on("subsystem", (accept, reject, { name }) => {
    if (name !== "sftp") return reject?.();
    const run = () => deps.shell?.sftp(deps.user) ?? Promise.reject(noShell());
    void serveProcess(accept(), { ...deps, run, isTerminal: false });
  });
  session.on("shell", (accept) => begin(accept(), undefined));
  session.on("exec", (accept, _reject, { command }) => begin(accept(), command));
};

const noShell = () => new AppError("unsupported", "This host cannot run anything beside a job's command");

interface Serving extends SessionDeps {
  run: () => Promise<ShellProcess>;
  isTerminal: boolean;
}

/** A process and a channel, until one of them, or the job, ends. Never rejects. */
const serveProcess = async (channel: ServerChannel, serving: Serving): Promise<void> => {
  const { transport, ended, log, isTerminal } = serving;
  const outlet = new Outlet(channel, transport);
  const say = (text: string) =>
    outlet.write(Buffer.from(`[dstack] ${text}\r\n`), isTerminal ? channel : channel.stderr);
  let process: ShellProcess | undefined;
  const hangUp = () => process?.hangUp();
  channel.once("close", hangUp);
  transport.once("close", hangUp);
  channel.on("error", (err: Error) => log.debug("A channel broke", { reason: err.message }));
  try {
    process = await serving.run();
    if (outlet.isClosed) return hangUp();
    const end = await converse(channel, { process, outlet, ended });
    if (end === "job") {
      await say(String(ended.reason));
      channel.exit(BROKEN);
    } else if (end.signal !== null) channel.exit(end.signal.replace(/^SIG/, ""), false, "");
    else channel.exit(end.code ?? BROKEN);
  } catch (err) {
    if (!(err instanceof AppError)) log.error("A session failed", { err });
    await say(`Cannot run this: ${messageOf(err)}`);
    channel.exit(CANNOT_RUN);
  } finally {
    process?.hangUp();
    transport.off("close", hangUp);
    channel.end();
  }
};

const converse = async (
  channel: ServerChannel,
  { process, outlet, ended }: { process: ShellProcess; outlet: Outlet; ended: AbortSignal },
): Promise<ProcessEnd | "job"> => {
  const { promise: jobEnded, resolve } = Promise.withResolvers<"job">();
  const noteEnd = () => resolve("job");
  if (ended.aborted) noteEnd();
  else ended.addEventListener("abort", noteEnd, { once: true });
  const copied = Promise.all([
    outlet.copy(process.stdout),
    process.stderr ? outlet.copy(process.stderr, channel.stderr) : undefined,
  ]);
  void readInto(channel, process);
  try {
    const end = await Promise.race([process.exited, jobEnded]);
    if (end === "job") return end;
    await Promise.race([untilQuiet(copied, outlet), jobEnded]);
    // A job's end kills what is beside it first, and is told afterwards.
    const wasKilled = end.signal === "SIGKILL" || end.code === 137 || (end.code ?? end.signal) === null;
    return wasKilled ? await Promise.race([jobEnded, delay(QUIET_MS).then(() => end)]) : end;
  } finally {
    ended.removeEventListener("abort", noteEnd);
  }
};

/** What the client says, to the process. A channel that breaks ends it. */
const readInto = async (channel: ServerChannel, process: ShellProcess): Promise<void> => {
  try {
    for await (const bytes of channel.iterator({ destroyOnReturn: false })) await process.write(bytes);
  } catch {
    // The channel is closed before its end: whoever waits for that hangs the process up.
    return;
  }
  process.end();
};

const untilQuiet = async (copied: Promise<unknown>, outlet: Outlet): Promise<void> => {
  for (let seen = -1; seen !== outlet.chunks || outlet.busy > 0; ) {
    seen = outlet.chunks;
    const isWhole = await Promise.race([copied.then(() => true), delay(QUIET_MS)]);
    if (isWhole) return;
  }
};
