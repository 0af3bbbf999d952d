import type { TerminalSize, TerminalWish } from "../native/terminal.ts";
import type { SocketTask } from "../sockets/sockets.ts";

export interface ShellRequest {
  /** Run by the user's shell (`sh -c`); undefined: the shell itself, to be talked to. */
  command: string | undefined;
  /** Over those of the job. */
  env: Readonly<Record<string, string>>;
  /** Unix user; null: the job's own. */
  user: string | null;
  terminal: TerminalWish | undefined;
}

/** As a process ends: one of the two. `signal`: its name, e.g. `SIGTERM`. */
export interface ProcessEnd {
  code: number | null;
  signal: string | null;
}

/** A process beside the job's command, in the job's surroundings. Ends with the job. */
export interface ShellProcess {
  /** Settles when there is room for more. */
  write(bytes: Uint8Array): Promise<void>;
  /** Nothing more will be written. */
  end(): void;
  /** Read only as fast as it is taken; both end when nobody holds them any more. */
  stdout: AsyncIterable<Uint8Array>;
  /** Absent on a terminal, where it is one with `stdout`. */
  stderr?: AsyncIterable<Uint8Array>;
  resize(size: TerminalSize): void;
  /** To the process and what it runs in the foreground; nothing where it is gone. `name`: with its `SIG`. */
  signal(name: NodeJS.Signals): void;
  /** Never rejects. */
  exited: Promise<ProcessEnd>;
  /** Nobody listens any more: the process is told so as by a terminal that is closed, and its ends are let go of. */
  hangUp(): void;
}

/** How to run something beside a job's command. Rejects with an AppError that says what this job lacks for it. */
export interface JobShell {
  run(request: ShellRequest): Promise<ShellProcess>;
  /** A server of SFTP on its two ends (agent/sftp), for a Unix user; null: the job's own. */
  sftp(user: string | null): Promise<ShellProcess>;
  /** The way to a Unix socket of the job (agent/sockets), for a Unix user; null: the job's own. */
  socket(task: SocketTask, user: string | null): Promise<ShellProcess>;
}
