import { rmSync } from "node:fs";
import type { Socket, UnixSocketListener } from "bun";
import { AppError, messageOf } from "../../../shared/errors.ts";
import type { Logger } from "../../../shared/log.ts";
import { LineReader, LineWriter } from "./lines.ts";
import type { FromSupervisor, ToSupervisor } from "./messages.ts";

export interface SupervisorsOptions {
  socketPath: string;
  /** The command that runs {@link supervise} on the socket, without the socket's path. */
  command: readonly string[];
  /** Absent: that of this process. What jobs see is another one. */
  env?: Readonly<Record<string, string | undefined>>;
  log: Logger;
}

/** A connection that a supervisor has made. */
export interface Supervisor {
  readonly pid: number;
  send(message: ToSupervisor): void;
  /** Set by whoever deals with this supervisor; messages before that are kept. */
  listen(listener: SupervisorListener): void;
}

interface SupervisorListener {
  onMessage(message: FromSupervisor): void;
  onClose(): void;
}

/** A new one is got ready only when the job that took the last one has had the processors for itself for a moment. */
const REFILL_MS = 60;
const START_TIMEOUT_MS = 20_000;

/**
 * The supervisors of this host's jobs, as they dial in. One is always kept warm: starting a process costs more
 * than everything else between an assignment and the job's first output.
 */
export class Supervisors implements Disposable {
  readonly #options: SupervisorsOptions;
  readonly #server: UnixSocketListener<Connection>;
  readonly #warm: Connection[] = [];
  readonly #waiting: ((connection: Connection) => void)[] = [];
  /** Who waits for the supervisor of a submission to dial in again. */
  readonly #expected = new Map<string, (connection: Supervisor) => void>();
  /** Dialled in with a submission before anybody asked for it. */
  readonly #early = new Map<string, Connection>();
  #starting = 0;
  #refill: Timer | undefined;

  constructor(options: SupervisorsOptions) {
    this.#options = options;
    // Whoever has the state directory's lock may take the socket of an agent that was killed.
    rmSync(options.socketPath, { force: true });
    this.#server = Bun.listen<Connection>({
      unix: options.socketPath,
      socket: {
        open: (socket) => {
          socket.data = new Connection(socket);
        },
        data: (socket, bytes) => this.#read(socket, bytes),
        drain: (socket) => socket.data.drain(),
        close: (socket) => this.#forget(socket.data),
      },
    });
  }

  /** Makes sure that one will be waiting when it is needed. */
  warmUp(): void {
    if (this.#warm.length + this.#starting === 0) this.#start();
  }

  /** A supervisor without a job, the warm one if it is there. */
  async take(signal: AbortSignal): Promise<Supervisor> {
    const warm = this.#warm.shift();
    this.#refill ??= setTimeout(() => {
      this.#refill = undefined;
      this.warmUp();
    }, REFILL_MS);
    if (warm) return warm;
    if (this.#starting <= this.#waiting.length) this.#start();
    const { promise, resolve, reject } = Promise.withResolvers<Connection>();
    this.#waiting.push(resolve);
    const ended = AbortSignal.any([signal, AbortSignal.timeout(START_TIMEOUT_MS)]);
    const give = () => reject(new AppError("unavailable", "The process that supervises a job did not start"));
    ended.addEventListener("abort", give, { once: true });
    return promise.finally(() => {
      ended.removeEventListener("abort", give);
      const at = this.#waiting.indexOf(resolve);
      if (at >= 0) this.#waiting.splice(at, 1);
    });
  }

  /** Calls back when the supervisor of this submission dials in; one caller for each. Returns how to give up. */
  expect(submissionId: string, onDial: (supervisor: Supervisor) => void): () => void {
    const early = this.#early.get(submissionId);
    this.#early.delete(submissionId);
    if (early) onDial(early);
    else this.#expected.set(submissionId, onDial);
    return () => this.#expected.delete(submissionId);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#refill);
    this.#server.stop(true);
    rmSync(this.#options.socketPath, { force: true });
  }

  #start(): void {
    const { command, socketPath, env, log } = this.#options;
    this.#starting++;
    try {
      const child = Bun.spawn([...command, socketPath], {
        ...(env ? { env } : {}),
        cwd: "/",
        stdio: ["ignore", "ignore", "ignore"],
        detached: true,
        onExit: () => {
          // Otherwise it was counted when it dialled in.
          if (!this.#dialled.delete(child.pid)) this.#starting--;
        },
      });
      child.unref();
    } catch (err) {
      this.#starting--;
      log.error("Cannot start the process that supervises a job", { reason: messageOf(err) });
    }
  }

  readonly #dialled = new Set<number>();

  #read(socket: Socket<Connection>, bytes: Uint8Array): void {
    try {
      for (const message of socket.data.read(bytes)) {
        if (message.type === "hello") this.#greet(socket.data, message);
        else socket.data.deliver(message);
      }
    } catch (err) {
      this.#options.log.warn("A supervisor speaks nonsense", { reason: messageOf(err) });
      socket.end();
    }
  }

  #greet(connection: Connection, hello: FromSupervisor & { type: "hello" }): void {
    connection.pid = hello.pid;
    if (hello.submissionId !== undefined) {
      const expected = this.#expected.get(hello.submissionId);
      this.#expected.delete(hello.submissionId);
      if (expected) expected(connection);
      else this.#early.set(hello.submissionId, connection);
      return;
    }
    this.#dialled.add(hello.pid);
    this.#starting = Math.max(0, this.#starting - 1);
    const waiting = this.#waiting.shift();
    if (waiting) waiting(connection);
    else this.#warm.push(connection);
  }

  #forget(connection: Connection): void {
    const at = this.#warm.indexOf(connection);
    if (at >= 0) this.#warm.splice(at, 1);
    for (const [id, early] of this.#early) if (early === connection) this.#early.delete(id);
    connection.close();
  }
}

class Connection implements Supervisor {
  pid = 0;
  readonly #reader = new LineReader();
  readonly #writer: LineWriter;
  readonly #kept: FromSupervisor[] = [];
  #listener: SupervisorListener | undefined;
  #isClosed = false;

  constructor(socket: Socket<Connection>) {
    this.#writer = new LineWriter(socket);
  }

  send(message: ToSupervisor): void {
    this.#writer.send(message);
  }

  listen(listener: SupervisorListener): void {
    this.#listener = listener;
    for (const message of this.#kept.splice(0)) listener.onMessage(message);
    if (this.#isClosed) listener.onClose();
  }

  read(bytes: Uint8Array): FromSupervisor[] {
    return this.#reader.push(bytes) as FromSupervisor[];
  }

  drain(): void {
    this.#writer.drain();
  }

  deliver(message: FromSupervisor): void {
    if (this.#listener) this.#listener.onMessage(message);
    else this.#kept.push(message);
  }

  close(): void {
    this.#isClosed = true;
    this.#listener?.onClose();
  }
}
