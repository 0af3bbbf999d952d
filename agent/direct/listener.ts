import type { Socket, TCPSocketListener } from "bun";
import type { Clock } from "../../shared/clock.ts";
import type { KeyedCertificate } from "../../shared/tls/certificates.ts";
import { ByteConnection, type ConnectionOwner } from "../../shared/tunnel/byteConnection.ts";

export interface Visitor {
  /** From where, for the log. */
  readonly address: string;
  readonly connection: ByteConnection;
  /** It has shown that it may be here: it may stay. */
  admit(): void;
}

/** What becomes of a connection. */
export interface VisitorOwner extends ConnectionOwner {
  gone(): void;
}

interface Guest {
  connection: ByteConnection;
  owner: VisitorOwner;
  isAdmitted: boolean;
  cancel: () => void;
}

export interface ListenerOptions {
  clock: Clock;
  /** 0: any. */
  port: number;
  certificate: KeyedCertificate;
  onVisitor: (visitor: Visitor) => VisitorOwner;
}

/** Whoever has not shown a ticket by then is not going to. */
const ADMISSION_MS = 5_000;
/** So many at a time may be about to show one. The key of a client that dials all addresses at once is several times there. */
const MOST_STRANGERS = 128;

/** Where clients connect: TLS with the host's own key, and a bound on what strangers cost. */
export class DirectListener implements Disposable {
  readonly #options: ListenerOptions;
  readonly #listener: TCPSocketListener<Guest>;
  #strangers = 0;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#listener = this.#listen();
  }

  get port(): number {
    return this.#listener.port;
  }

  [Symbol.dispose](): void {
    this.#listener.stop(true);
  }

  #listen(): TCPSocketListener<Guest> {
    try {
      // Both versions of IP.
      return this.#listenAt("::");
    } catch (err) {
      const { code } = err as NodeJS.ErrnoException;
      if (code === "EADDRINUSE") throw err;
      return this.#listenAt("0.0.0.0");
    }
  }

  #listenAt(hostname: string): TCPSocketListener<Guest> {
    return Bun.listen<Guest>({
      hostname,
      port: this.#options.port,
      tls: this.#options.certificate,
      socket: {
        open: (socket) => this.#opened(socket),
        data: (socket, bytes) => socket.data?.connection.data(bytes),
        drain: (socket) => socket.data?.connection.drain(),
        close: (socket) => this.#closed(socket),
        error: (socket) => socket.terminate(),
      },
    });
  }

  #opened(socket: Socket<Guest>): void {
    if (this.#strangers >= MOST_STRANGERS) {
      socket.terminate();
      return;
    }
    this.#strangers += 1;
    const connection = new ByteConnection(socket, {
      greeted: (content) => socket.data.owner.greeted(content),
      received: (bytes, memory) => socket.data.owner.received(bytes, memory),
      ended: (reason) => socket.data.owner.ended(reason),
    });
    const cancel = this.#options.clock.after(ADMISSION_MS, () => socket.terminate());
    const admit = () => {
      if (socket.data.isAdmitted) return;
      socket.data.isAdmitted = true;
      this.#strangers -= 1;
      cancel();
    };
    const owner = this.#options.onVisitor({ address: socket.remoteAddress, connection, admit });
    socket.data = { connection, owner, isAdmitted: false, cancel };
  }

  #closed({ data: guest }: Socket<Guest>): void {
    // It was not even let in.
    if (!guest) return;
    guest.cancel();
    if (!guest.isAdmitted) this.#strangers -= 1;
    guest.owner.gone();
  }
}
