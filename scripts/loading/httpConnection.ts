import type { Socket } from "bun";

export interface Answer {
  status: number;
  text: string;
}

const END_OF_HEAD = "\r\n\r\n";

/**
 * One kept-open HTTP/1.1 connection, one request at a time: as an agent has it, at a cost that lets one process be ten
 * thousand agents. Reads only what the coordinator sends: answers with a length.
 */
export class HttpConnection {
  readonly #port: number;
  readonly #hostname: string;
  readonly #head: string;
  #socket: Socket | undefined;
  #received: Buffer = Buffer.alloc(0);
  #waiting: PromiseWithResolvers<Answer> | undefined;
  #tail: Promise<unknown> = Promise.resolve();
  #unsent: Buffer = Buffer.alloc(0);

  constructor(port: number, token: string, hostname = "127.0.0.1") {
    this.#port = port;
    this.#hostname = hostname;
    this.#head = [
      " HTTP/1.1",
      "host: localhost",
      "content-type: application/json",
      "x-dstack-agent-protocol: 1",
      `authorization: Bearer ${token}`,
      "content-length: ",
    ].join("\r\n");
  }

  /** Posts after what was posted before; rejects when the connection fails or ends. */
  post(path: string, body: unknown): Promise<Answer> {
    const mine = this.#tail.then(() => this.#post(path, JSON.stringify(body)));
    this.#tail = mine.catch(() => {});
    return mine;
  }

  async #post(path: string, body: string): Promise<Answer> {
    const waiting = Promise.withResolvers<Answer>();
    // It may fail while the connection is still being made; whoever waits is told below.
    waiting.promise.catch(() => {});
    this.#waiting = waiting;
    this.#socket ??= await this.#connect();
    const bytes = `POST ${path}${this.#head}${Buffer.byteLength(body)}${END_OF_HEAD}${body}`;
    this.#write(this.#socket, Buffer.from(bytes));
    return waiting.promise;
  }

  close(): void {
    this.#socket?.end();
    this.#fail(new Error("The connection was closed"));
  }

  #write(socket: Socket, bytes: Buffer): void {
    this.#unsent = bytes.subarray(socket.write(bytes));
  }

  #connect(): Promise<Socket> {
    return Bun.connect({
      hostname: this.#hostname,
      port: this.#port,
      socket: {
        data: (_, bytes) => this.#receive(bytes),
        drain: (socket) => this.#write(socket, this.#unsent),
        close: (socket) => {
          if (socket === this.#socket) this.#fail(new Error("The connection was closed"));
        },
        error: (_, err) => this.#fail(err),
      },
    }).catch((err: unknown) => {
      this.#waiting = undefined;
      throw err;
    });
  }

  #fail(err: Error): void {
    this.#socket = undefined;
    this.#received = Buffer.alloc(0);
    this.#waiting?.reject(err);
    this.#waiting = undefined;
  }

  #receive(bytes: Buffer): void {
    this.#received =
      this.#received.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#received, bytes]);
    const end = this.#received.indexOf(END_OF_HEAD);
    if (end < 0) return;
    const head = this.#received.toString("latin1", 0, end);
    const length = Number(/^content-length: (\d+)/im.exec(head)?.[1]);
    if (!Number.isInteger(length)) {
      this.#fail(new Error(`An answer without a length: ${head}`));
      return;
    }
    const begin = end + END_OF_HEAD.length;
    if (this.#received.length < begin + length) return;
    const text = this.#received.toString("utf8", begin, begin + length);
    this.#received = this.#received.subarray(begin + length);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve({ status: Number(head.slice(9, 12)), text });
  }
}
