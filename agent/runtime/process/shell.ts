import { chownSync, closeSync } from "node:fs";
import { AppError } from "../../../shared/errors.ts";
import { openTerminal, type Terminal, type TerminalWish } from "../../native/terminal.ts";
import type { SftpTask } from "../../sftp/sftp.ts";
import type { SocketPlace } from "../../sockets/sockets.ts";
import type { JobShell, ProcessEnd, ShellProcess } from "../shell.ts";
import { asUser, DEFAULT_PATH } from "./command.ts";
import { signal } from "./kill.ts";
import { settle, startOnPipes } from "./pipes.ts";
import { noteShell, readSurroundings } from "./surroundings.ts";
import { type JobUser, resolveUser, shellOf } from "./user.ts";

export interface ProcessShellOptions {
  /** The assignment's: null or absent, the agent's own. */
  user: string | null | undefined;
  own: { uid: number; gid: number };
  /** Folder of the submission. */
  dir: string;
  /** How this very program is started again. */
  self: readonly string[];
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
    const start = { argv, env: all, cwd, cgroups, user };
    noteShell(options.dir);
    return request.terminal ? startOnTerminal(request.terminal, start) : startOnPipes(start);
  },
  sftp: async (wanted) => {
    const user = resolveUser(wanted ?? options.user, options.own);
    const { cwd } = readSurroundings(options.dir);
    const task: SftpTask = { home: user.home };
    const argv = [...asUser(user), ...options.self, "sftp", JSON.stringify(task)];
    return startOnPipes({ argv, env: { PATH: DEFAULT_PATH }, cwd, cgroups: options.cgroups() });
  },
  socket: async (task, wanted) => {
    const user = resolveUser(wanted ?? options.user, options.own);
    const { cwd } = readSurroundings(options.dir);
    const place: SocketPlace = { home: user.home };
    const argv = [...asUser(user), ...options.self, "sockets", JSON.stringify({ task, place })];
    return startOnPipes({ argv, env: { PATH: DEFAULT_PATH }, cwd, cgroups: options.cgroups() });
  },
});

interface Start {
  argv: string[];
  env: Record<string, string>;
  cwd: string;
  cgroups: readonly string[];
  user: JobUser;
}

const startOnTerminal = async (wish: TerminalWish, start: Start): Promise<ShellProcess> => {
  const { argv, env, cwd, user } = start;
  // A session and a controlling terminal are made in the process that becomes the shell.
  const setsid = Bun.which("setsid", { PATH: DEFAULT_PATH });
  if (!setsid)
    throw new AppError("unsupported", "Cannot open a terminal: setsid (util-linux) is not installed");
  const terminal = openTerminal(wish);
  try {
    if (user.change) chownSync(terminal.path, user.uid, user.gid);
    const slave = terminal.openSlave();
    try {
      const child = Bun.spawn([setsid, "-c", ...argv], { env, cwd, stdio: [slave, slave, slave] });
      return onTerminal(terminal, { pid: settle(child.pid, start.cgroups), exited: endOf(child) });
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
