import { createHash } from "node:crypto";
import type { JobOutput } from "../jobs/runningJobs.ts";
import { readWhole } from "../link/logs.ts";
import { Wake } from "../link/wake.ts";

/** The runner's port in the reference, where stock clients ask for a job's output (docs/spec/http-api.md §4.2). */
export const LOGS_PORT = 10_999;

export interface LogsDeps {
  output: JobOutput;
  /** Aborted: there will be no more output. */
  ended: AbortSignal;
  /** Settles when there is room for more. */
  write: (bytes: Uint8Array) => Promise<void>;
  /** Aborted: nobody reads any more. */
  closed: AbortSignal;
}

const PIECE_BYTES = 64 * 1024;
const LONGEST_HEAD = 16 * 1024;
/** RFC 6455 §1.3. */
const ACCEPT_SALT = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const OPCODE = { binary: 2, close: 8, ping: 9, pong: 10 } as const;
const LONGEST_CONTROL = 125;
/** 1000 (§7.4.1). */
const NORMAL_CLOSURE = Uint8Array.of(0x03, 0xe8);

/**
 * The log WebSocket of the reference's runner, on a connection that this program answers itself: `GET
 * /logs_ws[?start_time=ISO]`, each binary message the job's output as it came, from its start or that time, closed when the
 * job has ended. Resolves when the connection is over from this side.
 */
export const serveLogs = async (input: AsyncIterable<Uint8Array>, deps: LogsDeps): Promise<void> => {
  const source = input[Symbol.asyncIterator]();
  const asked = await readHead(source);
  const url = URL.parse(/^GET (\S+) HTTP\/1\.1\r\n/.exec(asked?.head ?? "")?.[1] ?? "", "http://agent");
  const key = /^sec-websocket-key: *(\S+) *$/im.exec(asked?.head ?? "")?.[1];
  if (!asked || url?.pathname !== "/logs_ws" || key === undefined) {
    const status = url && url.pathname !== "/logs_ws" ? "404 Not Found" : "400 Bad Request";
    return deps.write(Buffer.from(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`));
  }
  const accept = createHash("sha1")
    .update(key + ACCEPT_SALT)
    .digest("base64");
  await deps.write(
    Buffer.from(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    ),
  );
  const left = new AbortController();
  const leave = () => left.abort();
  // A connection that breaks is as one that is closed.
  listen(source, { rest: asked.rest, write: deps.write }).then(leave, leave);
  await sendOutput(deps, { from: startOf(url, deps.output), left: left.signal });
  await deps.write(frame(OPCODE.close, NORMAL_CLOSURE));
};

/** A plus that was not escaped is a space by now. */
const startOf = (url: URL, output: JobOutput): number => {
  const at = Date.parse(url.searchParams.get("start_time")?.replace(" ", "+") ?? "");
  return Number.isNaN(at) ? 0 : output.offsetAt(at);
};

const sendOutput = async (
  { output, ended, write, closed }: LogsDeps,
  { from, left }: { from: number; left: AbortSignal },
): Promise<void> => {
  const grown = new Wake();
  const wake = () => grown.wake();
  const isOver = () => closed.aborted || left.aborted;
  const forget = output.onGrown(wake);
  for (const signal of [ended, closed, left]) signal.addEventListener("abort", wake);
  try {
    for (let offset = from; !isOver(); ) {
      const wasEnded = ended.aborted;
      const bytes = readWhole(output.spoolPath, { offset, limit: PIECE_BYTES });
      if (bytes.length > 0) await write(frame(OPCODE.binary, bytes));
      else if (wasEnded) return;
      else await grown.wait(left);
      offset += bytes.length;
    }
  } finally {
    forget();
    for (const signal of [ended, closed, left]) signal.removeEventListener("abort", wake);
  }
};

/** A whole message of the server, unmasked. */
const frame = (opcode: number, payload: Uint8Array): Uint8Array => {
  const isShort = payload.length <= LONGEST_CONTROL;
  const head = Buffer.alloc(isShort ? 2 : 10);
  head[0] = 0x80 | opcode;
  head[1] = isShort ? payload.length : 127;
  if (!isShort) head.writeBigUInt64BE(BigInt(payload.length), 2);
  return Buffer.concat([head, payload]);
};

type Source = AsyncIterator<Uint8Array>;

const readHead = async (source: Source): Promise<{ head: string; rest: Buffer } | undefined> => {
  let bytes = Buffer.alloc(0);
  while (bytes.length < LONGEST_HEAD) {
    const next = await source.next();
    if (next.done) return undefined;
    bytes = Buffer.concat([bytes, next.value]);
    const end = bytes.indexOf("\r\n\r\n");
    if (end >= 0) return { head: bytes.toString("latin1", 0, end + 2), rest: bytes.subarray(end + 4) };
  }
  return undefined;
};

/** Answers pings until the client closes, goes, or says what is not for a server of output to hear. */
const listen = async (
  source: Source,
  { rest, write }: { rest: Buffer; write: LogsDeps["write"] },
): Promise<void> => {
  for (let bytes = rest; ; ) {
    const [, second = 0] = bytes;
    const length = second & 0x7f;
    if (bytes.length >= 2 && length > LONGEST_CONTROL) return;
    const end = 6 + length;
    if (bytes.length < 6 || bytes.length < end) {
      const next = await source.next();
      if (next.done) return;
      bytes = Buffer.concat([bytes, next.value]);
      continue;
    }
    const opcode = (bytes[0] ?? 0) & 0x0f;
    if (opcode === OPCODE.close) return;
    const mask = bytes.subarray(2, 6);
    const payload = bytes.subarray(6, end).map((byte, at) => byte ^ (mask[at % 4] ?? 0));
    if (opcode === OPCODE.ping) await write(frame(OPCODE.pong, payload));
    bytes = bytes.subarray(end);
  }
};
