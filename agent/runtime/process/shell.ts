import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, closeSync } from "node:fs";
import { AppError, messageOf } from "../../../shared/errors.ts";
import { openTerminal, type Terminal } from "../../native/terminal.ts";
import type { JobShell, ProcessEnd, ShellProcess, ShellRequest } from "../shell.ts";
import { asUser, DEFAULT_PATH } from "./command.ts";
import { enterCgroups } from "./jobCgroup.ts";
import { signal } from "./kill.ts";
import { descendantsOf } from "./procfs.ts";
import { readSurroundings } from "./surroundings.ts";
import { type JobUser, resolveUser, shellOf } from "./user.ts";

export interface ProcessShellOptions {
  /** The assignment's: null or absent, the agent's own. */
  user: string | null | undefined;
  own: { uid: number; gid: number };
  /** Folder of the submission. */
  dir: string;
  /** Those of the job. */
  cgroups: () => readonly string[];
}

/** Processes of this host beside a job's command: its user, environment, folder and control group. */
export const createProcessShell = (options: ProcessShellOptions): JobShell => ({
  run: async (request) => {
    const user = resolveUser(request.user ?? options.user, options.own);
    const { env, cwd } = readSurroundings(options.dir);
    const shell = shellOf(user, env["SHELL"]);
    const argv = [...asUser(user), shell, ...(request.command === undefined ? [] : ["-c", request.command])];
    const home = request.user === null ? {} : { HOME: user.home, USER: user.name, LOGNAME: user.name };
    const cgroups = options.cgroups();
    // A shell that has no level reads its start-up files even for a command, if it is talked to by a socket (bash does).
    const all = { SHLVL: "1", ...env, ...home, SHELL: shell, ...request.env };
    const start = request.terminal ? startOnTerminal : startOnPipes;
    return start(request, { argv, env: all, cwd, cgroups, user });
  },
});

interface Start {
  argv: string[];
  env: Record<string, string>;
  cwd: string;
  cgroups: readonly string[];
  user: JobUser;
}

/** Of a process that was started: its id, once it is among the job's own. */
const settle = (pid: number | undefined, { cgroups }: Start): number => {
  if (pid === undefined) throw new AppError("unavailable", "Cannot start a shell on this host");
  enterCgroups(cgroups, () => [pid, ...descendantsOf(pid)]);
  return pid;
};

const startOnTerminal = async (request: ShellRequest, start: Start): Promise<ShellProcess> => {
  const { argv, env, cwd, user } = start;
  // A session and a controlling terminal are made in the process that becomes the shell.
  const setsid = Bun.which("setsid", { PATH: DEFAULT_PATH });
  if (!setsid)
    throw new AppError("unsupported", "Cannot open a terminal: setsid (util-linux) is not installed");
  const terminal = openTerminal(request.terminal ?? { cols: 80, rows: 24 });
  try {
    if (user.change) chownSync(terminal.path, user.uid, user.gid);
    const slave = terminal.openSlave();
    try {
      const child = Bun.spawn([setsid, "-c", ...argv], { env, cwd, stdio: [slave, slave, slave] });
      return onTerminal(terminal, { pid: settle(child.pid, start), exited: endOf(child) });
    } finally {
      closeSync(slave);
    }
  } catch (err) {
    terminal.close();
    throw err;
  }
};

const endOf = async (child: Bun.Subprocess): Promise<ProcessEnd> => {
  const code = await child.exited;
  return child.signalCode === null
    ? { code, signal: null }
    : { code: null, signal: String(child.signalCode) };
};

const END_OF_FILE = Uint8Array.of(4);

const onTerminal = (
  terminal: Terminal,
  { pid, exited }: { pid: number; exited: Promise<ProcessEnd> },
): ShellProcess => ({
  write: (bytes) => terminal.type(bytes),
  end: () => void terminal.type(END_OF_FILE),
  stdout: terminal.output(),
  resize: terminal.resize,
  signal: (name) => signal(-(terminal.foreground() ?? pid), name),
  exited,
  hangUp: () => terminal.close(),
});

const startOnPipes = async (_request: ShellRequest, start: Start): Promise<ShellProcess> => {
  const { argv, env, cwd } = start;
  const [file = "", ...args] = argv;
  // A group of its own, so that a signal reaches all that it runs.
  const child = spawn(file, args, { env, cwd, stdio: "pipe", detached: true });
  const exited = new Promise<ProcessEnd>((resolve) =>
    child.once("exit", (code, signalName) => resolve({ code, signal: signalName })),
  );
  try {
    await once(child, "spawn");
  } catch (err) {
    throw new AppError("unavailable", `Cannot start a shell: ${messageOf(err)}`, { cause: err });
  }
  const pid = settle(child.pid, start);
  return onPipes(child, { pid, exited });
};

const onPipes = (
  { stdin, stdout, stderr }: ChildProcessWithoutNullStreams,
  { pid, exited }: { pid: number; exited: Promise<ProcessEnd> },
): ShellProcess => {
  // Whoever writes to a process that does not read any more is told by nothing; its end says it.
  stdin.on("error", () => {});
  return {
    write: (bytes) =>
      new Promise((resolve) => {
        stdin.write(bytes, () => resolve());
      }),
    end: () => void stdin.end(),
    stdout,
    stderr,
    resize: () => {},
    signal: (name) => signal(-pid, name),
    exited,
    hangUp: () => {
      signal(-pid, "SIGHUP");
      for (const pipe of [stdin, stdout, stderr]) pipe.destroy();
    },
  };
};
