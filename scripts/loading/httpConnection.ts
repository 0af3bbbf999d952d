import type { Socket } from "bun";

export interface Answer {
  status: number;
  text: string;
}

/**
 * One kept-open HTTP/1.1 connection, one request at a time: as an agent has it, at a cost that lets one process be ten
 * thousand agents. Reads only what the coordinator sends: answers with a length.
 */
export class HttpConnection {
  readonly #port: number;
  #socket: Socket | undefined;
  #received: Buffer = Buffer.alloc(0);
  #waiting: PromiseWithResolvers<Answer> | undefined;
  #tail: Promise<unknown> = Promise.resolve();
  #unsent: Buffer = Buffer.alloc(0);

  constructor(port: number) {
    this.#port = port;
  }

  /** Posts after what was posted before; rejects when the connection fails or ends. */
  post(path: string, message: { token: string; json: unknown }): Promise<Answer> {
    const mine = this.#tail.then(() => this.#post(path, message));
    this.#tail = mine.catch(() => {});
    return mine;
  }

  async #post(path: string, { token, json }: { token: string; json: unknown }): Promise<Answer> {
    const waiting = Promise.withResolvers<Answer>();
    this.#waiting = waiting;
    this.#socket ??= await this.#connect();
    const body = JSON.stringify(json);
    const head = [
      `POST ${path} HTTP/1.1`,
      "host: localhost",
      "content-type: application/json",
      "x-dstack-agent-protocol: 1",
      `authorization: Bearer ${token}`,
      `content-length: ${Buffer.byteLength(body)}`,
    ].join("\r\n");
    this.#write(this.#socket, Buffer.from(`${head}\r\n\r\n${body}`));
    return waiting.promise;
  }

  close(): void {
    this.#socket?.end();
    this.#socket = undefined;
  }

  #write(socket: Socket, bytes: Buffer): void {
    this.#unsent = bytes.subarray(socket.write(bytes));
  }

  #connect(): Promise<Socket> {
    return Bun.connect({
      hostname: "127.0.0.1",
      port: this.#port,
      socket: {
        data: (_, bytes) => this.#receive(bytes),
        drain: (socket) => this.#write(socket, this.#unsent),
        close: () => this.#fail(new Error("The connection was closed")),
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
    const end = this.#received.indexOf("\r\n\r\n");
    if (end < 0) return;
    const head = this.#received.toString("latin1", 0, end);
    const length = Number(/^content-length: (\d+)/im.exec(head)?.[1]);
    if (!Number.isInteger(length)) {
      this.#fail(new Error(`An answer without a length: ${head}`));
      return;
    }
    if (this.#received.length < end + 4 + length) return;
    const text = this.#received.toString("utf8", end + 4, end + 4 + length);
    this.#received = this.#received.subarray(end + 4 + length);
    const { promise: _, resolve } = this.#waiting ?? Promise.withResolvers<Answer>();
    this.#waiting = undefined;
    resolve({ status: Number(head.slice(9, 12)), text });
  }
}
