import type { Socket, TCPSocketListener } from "bun";
import { AppError } from "../../shared/errors.ts";
import type { StreamFailure } from "../../shared/tunnel/frame.ts";
import { type Pipe, pipeSocket } from "../../shared/tunnel/pipeSocket.ts";
import { WindowBudget } from "../../shared/tunnel/receiveWindow.ts";
import type { TunnelStream } from "../../shared/tunnel/stream.ts";

/** A port of the job that is to be here too. */
export interface PortForward {
  /** Undefined: the same number, or the next one that is free. */
  readonly local: number | undefined;
  readonly remote: number;
}

export interface BoundPort {
  readonly local: number;
  readonly remote: number;
}

/** A local port that somebody else has. */
export class PortInUse extends AppError {
  readonly port: number;
  readonly remote: number;

  constructor(port: number, remote: number) {
    super("conflict", `port ${port} is already in use`);
    this.name = "PortInUse";
    this.port = port;
    this.remote = remote;
  }
}

/** Where those lead who come to a port. */
export interface Destination {
  /** The stream's `handle` is still free. */
  open(remote: number): TunnelStream;
  failed(failure: StreamFailure): void;
}

interface Waiting {
  readonly socket: Socket<Guest>;
  readonly remote: number;
}
interface Guest {
  pipe: Pipe | undefined;
}

/** What the windows of all connections may come to beyond the first. */
const BUDGET_BYTES = 128 * 1024 * 1024;
const ANYWHERE = "0.0.0.0";
const LOOPBACK = "localhost";

/**
 * Ports of this machine that lead to a job. They are bound before there is a job, so that nobody else takes them
 * (docs/spec/cli.md §6.4); whoever connects meanwhile waits until `connect` is called.
 */
export class LocalPorts implements Disposable {
  readonly host: string;
  readonly bound: readonly BoundPort[];
  readonly #listeners: TCPSocketListener<Guest>[] = [];
  readonly #waiting = new Set<Waiting>();
  readonly #guests = new Set<Socket<Guest>>();
  readonly #budget = new WindowBudget(BUDGET_BYTES);
  #destination: Destination | undefined;

  /** Throws `PortInUse`; then none of them is bound. */
  constructor(forwards: readonly PortForward[], host: string = LOOPBACK) {
    this.host = host;
    const bound: BoundPort[] = [];
    try {
      for (const forward of forwards)
        bound.push({ local: this.#bind(forward, host), remote: forward.remote });
    } catch (err) {
      this[Symbol.dispose]();
      throw err;
    }
    this.bound = bound;
  }

  /** From now on connections go there; those that waited too. */
  connect(destination: Destination): void {
    this.#destination = destination;
    for (const { socket, remote } of this.#waiting) this.#pipe(socket, remote, destination);
    this.#waiting.clear();
  }

  [Symbol.dispose](): void {
    for (const listener of this.#listeners) listener.stop(true);
    for (const guest of this.#guests) guest.terminate();
  }

  #bind({ local, remote }: PortForward, host: string): number {
    for (let port = local ?? remote; port <= 65_535; port += 1) {
      if (this.#listen(port, remote, host)) return port;
      if (local !== undefined) throw new PortInUse(port, remote);
    }
    throw new PortInUse(remote, remote);
  }

  /** False: somebody has it. */
  #listen(port: number, remote: number, host: string): boolean {
    try {
      // Somebody who listens everywhere does not keep us from listening on loopback, but would lose what comes there.
      Bun.listen({ hostname: ANYWHERE, port, socket: { data: () => {} } }).stop(true);
      const [first, second] = host === LOOPBACK ? ["127.0.0.1", "::1"] : [host];
      if (first !== undefined) this.#listeners.push(this.#serve(first, port, remote));
      if (second !== undefined) this.#listenIfPossible(second, port, remote);
      return true;
    } catch (err) {
      const { code } = err as NodeJS.ErrnoException;
      if (code === "EADDRINUSE") return false;
      throw new AppError("invalid", `Cannot listen on ${host}:${port}: ${(err as Error).message}`, {
        cause: err,
        ...(code === "EACCES" ? { hint: "Ports below 1024 are the administrator's: map another one" } : {}),
      });
    }
  }

  /** `localhost` is also ::1, on machines that have it. */
  #listenIfPossible(host: string, port: number, remote: number): void {
    try {
      this.#listeners.push(this.#serve(host, port, remote));
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code === "EADDRINUSE") throw err;
    }
  }

  #serve(hostname: string, port: number, remote: number): TCPSocketListener<Guest> {
    return Bun.listen<Guest>({
      hostname,
      port,
      allowHalfOpen: true,
      socket: {
        open: (socket) => {
          socket.data = { pipe: undefined };
          this.#guests.add(socket);
          if (this.#destination) {
            this.#pipe(socket, remote, this.#destination);
            return;
          }
          socket.pause();
          this.#waiting.add({ socket, remote });
        },
        data: (socket, bytes) => socket.data.pipe?.socket.data(bytes),
        drain: (socket) => socket.data.pipe?.socket.drain(),
        end: (socket) => socket.data.pipe?.socket.end(),
        close: (socket) => {
          this.#guests.delete(socket);
          for (const one of this.#waiting) if (one.socket === socket) this.#waiting.delete(one);
          socket.data.pipe?.socket.gone("The connection was closed");
        },
        error: (socket, err) => socket.data.pipe?.socket.gone(err.message),
      },
    });
  }

  #pipe(socket: Socket<Guest>, remote: number, { open, failed }: Destination): void {
    const stream = open(remote);
    const closed = (failure: StreamFailure | undefined) => failure && failed(failure);
    const pipe = pipeSocket(stream, { budget: this.#budget, closed });
    socket.data.pipe = pipe;
    stream.handle(pipe.stream);
    if (stream.isGone) {
      socket.terminate();
      return;
    }
    socket.resume();
    pipe.open(socket);
  }
}
