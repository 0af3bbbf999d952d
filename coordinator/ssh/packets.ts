import type { Duplex } from "node:stream";
import type { Client, Connection } from "ssh2";
import { sendPacket } from "ssh2/lib/protocol/utils.js";

/**
 * What is used of the insides of ssh2 (1.17, pinned), and only here. Its own channels stop what passes here at the wrong
 * moments: they drop data that comes before a session's command is known, answer requests themselves, know some kinds
 * alone, and hold 2 MiB for each channel (docs/adr/0018-ssh-endpoint.md).
 */
interface Protocol {
  _onPacket(): void;
  _onPayload(payload: Buffer): unknown;
  /** Set while keys are exchanged. */
  _kexinit: Buffer | undefined;
  _packetRW: {
    write: {
      allocStart: number;
      allocStartKEX: number;
      alloc(bytes: number, isForced?: boolean): Buffer;
      finalize(packet: Buffer, isForced?: boolean): Buffer;
    };
  };
}

/** Numbers of messages from this one on are those of the connection protocol (RFC 4250 §4.1.2). */
const FIRST_OF_CONNECTION = 80;
const DISCONNECT = 1;
const BY_APPLICATION = 11;

/** One side of a bridge: an SSH connection that keeps keys and logins for itself, and passes on all that is above them. */
export class Leg {
  readonly transport: Duplex;
  readonly #connection: Client | Connection;
  readonly #protocol: Protocol;
  #onMessage: ((payload: Buffer) => void) | undefined;
  #isOver = false;

  /** Before the connection has exchanged keys for the first time. */
  constructor(connection: Client | Connection, transport: Duplex) {
    this.#connection = connection;
    this.transport = transport;
    const protocol = (connection as unknown as { _protocol?: Protocol })._protocol;
    if (!protocol?._packetRW || typeof protocol._onPayload !== "function")
      throw new Error("This is another ssh2 than the one that this was written for");
    this.#protocol = protocol;
    const own = protocol._onPayload;
    protocol._onPayload = (payload) => {
      if (!this.#onMessage || (payload[0] ?? 0) < FIRST_OF_CONNECTION) return own.call(protocol, payload);
      protocol._onPacket();
      return this.#onMessage(payload);
    };
    const over = () => {
      this.#isOver = true;
    };
    transport.once("end", over).once("close", over);
  }

  /** From now on the messages of the connection protocol are for this one. They are valid during the call. */
  onMessage(listener: (payload: Buffer) => void): void {
    this.#onMessage = listener;
  }

  /** What is sent now has to wait: for keys, or for whoever reads it. */
  get isFull(): boolean {
    return !this.#isOver && (this.#protocol._kexinit !== undefined || this.transport.writableNeedDrain);
  }

  /** Once `isFull` may have changed. Whoever waits looks again. */
  whenDrained(act: () => void): void {
    if (this.#protocol._kexinit === undefined) this.transport.once("drain", act);
    else this.#connection.once("handshake", act);
  }

  send(payload: Uint8Array): void {
    if (this.#isOver) return;
    const { write } = this.#protocol._packetRW;
    const start = write.allocStart;
    const packet = write.alloc(payload.length);
    packet.set(payload, start);
    sendPacket(this.#protocol, write.finalize(packet));
  }

  /** Ends it; the other side is told why, where it can be. */
  end(why: string): void {
    if (this.#isOver) return;
    const text = Buffer.from(why);
    const payload = Buffer.alloc(13 + text.length);
    payload[0] = DISCONNECT;
    payload.writeUInt32BE(BY_APPLICATION, 1);
    payload.writeUInt32BE(text.length, 5);
    payload.set(text, 9);
    const { write } = this.#protocol._packetRW;
    const start = write.allocStartKEX;
    const packet = write.alloc(payload.length, true);
    packet.set(payload, start);
    sendPacket(this.#protocol, write.finalize(packet, true), true);
    this.#isOver = true;
    this.transport.end();
  }
}
