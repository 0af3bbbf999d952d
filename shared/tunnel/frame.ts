import type { Memory } from "./memory.ts";

/**
 * The framing of tunnels (docs/protocol/tunnel.md): one frame is one binary WebSocket message of a type (1 byte), a
 * stream (4 bytes, big endian; 0: the link itself) and a payload.
 */
export const FrameType = {
  /** Of the link, not numbered. */
  hello: 0,
  ack: 1,
  ping: 2,
  pong: 3,
  /** Of streams, numbered: replayed after a broken connection. */
  open: 16,
  accept: 17,
  data: 18,
  credit: 19,
  /** More would be sent, had the other side given credit for it. */
  blocked: 20,
  end: 21,
  reset: 22,
} as const;

/** Its bytes are written where it goes out, into memory that is used again (`writeFrame`). */
export interface Frame {
  readonly type: number;
  readonly stream: number;
  /** Not this frame's own: what was read from a socket goes out of another one without being copied between. */
  readonly payload: Uint8Array;
  /** Under the payload: to be released by whoever needs it last. */
  readonly memory?: Memory | undefined;
}

export const HEADER_BYTES = 5;
/** Small enough that another stream's frame is never far behind it. */
export const MAX_DATA_BYTES = 64 * 1024;
/** Requests and answers, reasons of a reset, greetings. The public keys of a few people fit into it. */
const MAX_TEXT_BYTES = 16 * 1024;
const FIRST_NUMBERED = FrameType.open;
const MAX_TYPE = FrameType.reset;

/** Why a stream broke, or was refused. */
export interface StreamFailure {
  /** `link_lost`: the link under it is over. Others are of whoever reset it (docs/protocol/tunnel.md). */
  code: string;
  message: string;
}

/** What the other side sent does not follow the protocol; the link cannot go on. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
}

export const isNumbered = (type: number): boolean => type >= FIRST_NUMBERED;

const NOTHING = new Uint8Array(0);

export const frameOf = (type: number, stream: number, payload: Uint8Array = NOTHING): Frame => ({
  type,
  stream,
  payload,
});

export const bytesOf = ({ payload }: Frame): number => HEADER_BYTES + payload.length;

/** Writes it there; returns where it ends. */
export const writeFrame = (frame: Frame, into: Uint8Array, at: number): number => {
  writeHeader(frame, into, at);
  into.set(frame.payload, at + HEADER_BYTES);
  return at + bytesOf(frame);
};

const writeHeader = ({ type, stream }: Frame, into: Uint8Array, at: number): void => {
  into[at] = type;
  writeU32(into, at + 1, stream);
};

export const encodeFrame = (...parts: Parameters<typeof frameOf>): Uint8Array => {
  const frame = frameOf(...parts);
  const bytes = new Uint8Array(bytesOf(frame));
  writeFrame(frame, bytes, 0);
  return bytes;
};

/**
 * Sends each frame as a message of its own. `send` copies what it cannot hand over at once, as WebSockets do: so a frame
 * that came as a message goes out in the same memory, and all others are written into one.
 */
export const asMessages = (send: (message: Uint8Array) => void): ((frame: Frame) => void) => {
  const message = new Uint8Array(HEADER_BYTES + MAX_DATA_BYTES);
  return (frame) => {
    const { payload, memory } = frame;
    if (!memory || payload.byteOffset !== HEADER_BYTES) {
      send(message.subarray(0, writeFrame(frame, message, 0)));
      return;
    }
    const own = new Uint8Array(payload.buffer, 0, HEADER_BYTES + payload.length);
    writeHeader(frame, own, 0);
    send(own);
  };
};

/** What came as one message. Throws `ProtocolError` for what no frame is. */
export const decodeFrame = (bytes: Uint8Array): Frame => {
  const [type] = bytes;
  if (type === undefined || bytes.length < HEADER_BYTES)
    throw new ProtocolError(`A frame of ${bytes.length} bytes`);
  const known = type <= FrameType.pong || (type >= FIRST_NUMBERED && type <= MAX_TYPE);
  if (!known) throw new ProtocolError(`A frame of the unknown type ${type}`);
  const most = type === FrameType.data ? MAX_DATA_BYTES : MAX_TEXT_BYTES;
  if (bytes.length - HEADER_BYTES > most)
    throw new ProtocolError(`A frame of type ${type} with ${bytes.length - HEADER_BYTES} bytes`);
  return { type, stream: readU32(bytes, 1), payload: bytes.subarray(HEADER_BYTES) };
};

export const encodeU32 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4);
  writeU32(bytes, 0, value);
  return bytes;
};

export const decodeU32 = (payload: Uint8Array): number => {
  if (payload.length !== 4) throw new ProtocolError(`A number of ${payload.length} bytes`);
  return readU32(payload, 0);
};

export const encodeJson = (value: unknown): Uint8Array => {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  if (bytes.length > MAX_TEXT_BYTES)
    throw new RangeError(`A frame cannot carry ${bytes.length} bytes of JSON`);
  return bytes;
};

/** Throws `ProtocolError` where it is none. */
export const decodeJson = (payload: Uint8Array): unknown => {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
  } catch {
    throw new ProtocolError("A frame whose JSON cannot be read");
  }
};

const writeU32 = (bytes: Uint8Array, at: number, value: number): void => {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
};

const readU32 = (bytes: Uint8Array, at: number): number =>
  (((bytes[at] ?? 0) << 24) |
    ((bytes[at + 1] ?? 0) << 16) |
    ((bytes[at + 2] ?? 0) << 8) |
    (bytes[at + 3] ?? 0)) >>>
  0;
