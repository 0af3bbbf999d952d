import type { Socket } from "node:net";
import type Docker from "dockerode";
import { delay } from "../../../shared/async/delay.ts";
import { AppError } from "../../../shared/errors.ts";
import { readText } from "../../../shared/proc/readText.ts";
import type { TerminalSize } from "../../native/terminal.ts";
import { sttyWords } from "../../native/terminalModes.ts";
import type { SocketPlace } from "../../sockets/sockets.ts";
import { signal } from "../process/kill.ts";
import { foregroundGroup } from "../process/procfs.ts";
import type { JobShell, ProcessEnd, ShellProcess, ShellRequest } from "../shell.ts";
import { engineMessage, statusOf } from "./client.ts";
import { splitOutput } from "./execFrames.ts";
import { startHelper } from "./helper.ts";
import { hijack } from "./hijack.ts";
import { exists } from "./imageFiles.ts";

/**
 * Becomes the shell of whoever it runs as, or the plain one; with what is to be run, if it is given. The first argument is
 * not empty where the home is another user's than the job's; the second is what stty(1) is to do to the terminal, which is
 * the engine's, so that nobody outside of it can change its modes.
 */
const BECOME_SHELL = `u=$(id -u 2>/dev/null) || u=0
[ -r /etc/passwd ] && while IFS=: read -r n p i g c h s; do [ "$i" = "$u" ] && break; done </etc/passwd
case $s in *nologin | *false | "") s=/bin/sh ;; esac
[ -x "$s" ] || s=/bin/sh
[ -n "$1" ] && [ -d "$h" ] && export HOME="$h"
set -f
[ -n "$2" ] && stty $2 2>/dev/null
set +f
shift 2
export SHELL="$s"
[ $# -gt 0 ] && exec "$s" -c "$1"
exec "$s"`;

/** How often an engine is asked how a process ended whose output is over, and for how long. */
const [ASK_MS, GIVE_UP_MS] = [50, 10_000];

/** Processes beside a container's command: its environment and folder, its user unless another is asked for. */
export const createDockerShell = ({ docker, container, self }: DockerShellOptions): JobShell => {
  const run: JobShell["run"] = async (request) => {
    if (!(await exists(container, "/bin/sh")))
      throw new AppError("unsupported", "The image of this job has no shell: only its ports can be reached");
    const exec = await createExec(container, request);
    const size = request.terminal && { ConsoleSize: [request.terminal.rows, request.terminal.cols] };
    const start = { Detach: false, Tty: request.terminal !== undefined, ...size };
    try {
      const socket = await hijack(docker, `/exec/${exec.id}/start`, start);
      // Engines before 23 know no size at the start, and refuse one as long as the process is not quite there.
      if (request.terminal) await resize(exec, request.terminal);
      return asProcess(exec, { socket, container, isTerminal: request.terminal !== undefined });
    } catch (err) {
      throw refusal(err);
    }
  };
  return {
    run,
    sftp: async (user) =>
      (await startHelper(container, { user, self, command: (place) => ["sftp", JSON.stringify(place)] })) ??
      run({ command: OWN_SFTP_SERVER, env: {}, user, terminal: undefined }),
    socket: async (task, user) => {
      const command = (place: SocketPlace): [string, string] => ["sockets", JSON.stringify({ task, place })];
      const helper = await startHelper(container, { user, self, command });
      if (helper) return helper;
      throw new AppError("unsupported", "The agent on this host is not root: it cannot reach a Unix socket");
    },
  };
};

export interface DockerShellOptions {
  docker: Docker;
  container: Docker.Container;
  /** How this very program is started again, without arguments. */
  self: readonly string[];
}

/** Where the agent may not enter the container itself: the image's, if it has one. */
const OWN_SFTP_SERVER = `for s in /usr/lib/openssh /usr/lib/ssh /usr/libexec/openssh /usr/libexec; do
[ -x "$s/sftp-server" ] && exec "$s/sftp-server"
done
echo "[dstack] The agent on this host is not root, and the image has no SFTP server: use rsync, or scp -O" >&2
exit 127`;

const createExec = async (container: Docker.Container, request: ShellRequest): Promise<Docker.Exec> => {
  const { command, env, user, terminal } = request;
  const words = sttyWords(terminal?.modes ?? new Map()).join(" ");
  try {
    return await container.exec({
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      Tty: terminal !== undefined,
      Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
      ...(user === null ? {} : { User: user }),
      Cmd: [
        "/bin/sh",
        "-c",
        BECOME_SHELL,
        "sh",
        user ?? "",
        words,
        ...(command === undefined ? [] : [command]),
      ],
    });
  } catch (err) {
    throw refusal(err);
  }
};

/** What the engine says of a user that the image does not know, or of a container that has just ended. */
const refusal = (err: unknown): unknown =>
  statusOf(err) === undefined ? err : new AppError("unavailable", engineMessage(err), { cause: err });

interface Started {
  socket: Socket;
  container: Docker.Container;
  isTerminal: boolean;
}

const asProcess = (exec: Docker.Exec, { socket, container, isTerminal }: Started): ShellProcess => {
  // A connection that breaks is seen where it is read.
  socket.on("error", () => {});
  const over = new Promise<void>((resolve) => socket.once("end", resolve).once("close", () => resolve()));
  const output = isTerminal ? { stdout: socket } : splitOutput(socket);
  const kill = async (name: NodeJS.Signals) => {
    const pid = await pidOf(exec, container);
    if (pid !== undefined) signal(-((isTerminal && foregroundGroup(pid)) || pid), name);
  };
  // Whoever cannot be found has ended, or its engine has: then the session ends by its connection.
  const tryKill = (name: NodeJS.Signals): Promise<void> => kill(name).catch(() => {});
  return {
    write: (bytes) =>
      new Promise((resolve) => {
        socket.write(bytes, () => resolve());
      }),
    end: () => void (isTerminal ? socket.write("\x04") : socket.end()),
    ...output,
    resize: (size) => void resize(exec, size),
    signal: (name) => void tryKill(name),
    exited: over.then(() => endOf(exec)),
    hangUp: () => void tryKill("SIGHUP").finally(() => socket.destroy()),
  };
};

const RESIZE_TRIES = 10;

/** Never rejects: what has ended has no size. */
const resize = async (exec: Docker.Exec, { cols, rows }: TerminalSize): Promise<void> => {
  for (let tries = 1; tries <= RESIZE_TRIES; tries++) {
    try {
      await exec.resize({ w: cols, h: rows });
      return;
    } catch {
      await delay(tries * 10);
    }
  }
};

const endOf = async (exec: Docker.Exec): Promise<ProcessEnd> => {
  try {
    for (const until = performance.now() + GIVE_UP_MS; performance.now() < until; await delay(ASK_MS)) {
      const { Running, ExitCode } = await exec.inspect();
      if (!Running) return { code: ExitCode, signal: null };
    }
  } catch {
    // The container is gone, and with it all that the engine knew.
  }
  return { code: null, signal: null };
};

/** On this host: an engine elsewhere gives numbers that are other processes' here. */
const pidOf = async (exec: Docker.Exec, { id }: Docker.Container): Promise<number | undefined> => {
  const { Pid, Running } = await exec.inspect();
  return Running && Pid > 1 && readText(`/proc/${Pid}/cgroup`)?.includes(id) ? Pid : undefined;
};
