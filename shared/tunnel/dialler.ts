import { Backoff } from "../async/backoff.ts";
import { Hello, LINK_CLOSED, SESSION_UNKNOWN } from "../protocol/tunnel.ts";
import { asMessages, decodeFrame, decodeJson, FrameType } from "./frame.ts";
import type { Transport } from "./link.ts";
import { Memory } from "./memory.ts";
import { Mux, type MuxOptions } from "./mux.ts";

export interface DialWay {
  /** Absent: the system's. */
  tls?: { ca: string[] } | undefined;
  proxy?: string | undefined;
}

export interface DiallerOptions extends Pick<MuxOptions, "clock" | "resumeMs" | "onStream"> {
  /** `ws:` or `wss:`, without a query. */
  url: string;
  /** Read anew for each connection: a credential may have been renewed. */
  headers: () => Record<string, string>;
  /** As well: the authorities that the coordinator is known by, and the proxy on the way; a WebSocket finds neither itself. */
  way?: () => DialWay;
  maxStreams?: number;
  /** The link is up, or broken and being dialled again. */
  onChange?: (state: "up" | "broken") => void;
  onClosed: (reason: string) => void;
}

const PAUSES = { firstMs: 200, longestMs: 5_000 };
/** So many tries to begin with, and a coordinator that was never reached is not going to be. */
const MOST_FIRST_TRIES = 5;
/** A connection that is not there by then will not come. */
const CONNECT_MS = 10_000;

/** The dialling side of a link (docs/protocol/tunnel.md): dials at once, and again whenever the connection breaks. */
export class Dialler implements Disposable {
  readonly mux: Mux;
  readonly #options: DiallerOptions;
  readonly #session = crypto.randomUUID();
  #cancel: () => void = () => {};
  readonly #backoff = new Backoff(PAUSES);
  #socket: WebSocket | undefined;
  #giveUp: () => void = () => {};
  #tries = 0;
  #hasBeenUp = false;

  constructor(options: DiallerOptions) {
    this.#options = options;
    this.mux = new Mux({
      clock: options.clock,
      resumeMs: options.resumeMs,
      isDialler: true,
      maxStreams: options.maxStreams ?? 1_000,
      onStream: options.onStream,
      onClosed: (reason) => {
        this.#cancel();
        this.#socket?.close();
        options.onClosed(reason);
      },
    });
    this.#dial();
  }

  /** Dials now and not after a pause: the machine has woken up, or its network is another. */
  hurry(): void {
    if (this.#socket || this.mux.isClosed) return;
    this.#cancel();
    this.#dial();
  }

  /** Gives up the connection for another one: the machine was asleep, so that nobody knows what became of it. */
  renew(): void {
    if (this.#socket) this.#giveUp();
    this.hurry();
  }

  [Symbol.dispose](): void {
    this.mux.close("closed");
  }

  #dial(): void {
    const { url, headers, clock, onChange, way } = this.#options;
    const { tls, proxy } = way?.() ?? {};
    this.#tries += 1;
    const query = `session=${this.#session}&received=${this.mux.received}`;
    const socket = new WebSocket(`${url}?${query}`, {
      headers: headers(),
      ...(tls ? { tls } : {}),
      ...(proxy === undefined ? {} : { proxy }),
    });
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    const transport: Transport = {
      send: asMessages((message) => socket.send(message)),
      close: (reason) => socket.close(LINK_CLOSED, reason.slice(0, 100)),
      // It does not answer: nor would it to a close frame.
      giveUp: () => this.renew(),
    };
    let isGreeted = false;
    this.#giveUp = () => {
      // Whoever sleeps through the end of a connection is not told of it: nothing is waited for.
      [socket.onmessage, socket.onclose] = [null, null];
      socket.terminate();
      this.#socket = undefined;
      if (!isGreeted) return;
      this.mux.disconnected(transport);
      onChange?.("broken");
    };
    this.#cancel = clock.after(CONNECT_MS, () => socket.close());
    socket.onmessage = ({ data }: MessageEvent<ArrayBuffer>) => {
      const bytes = new Uint8Array(data);
      if (isGreeted) {
        this.mux.receive(transport, bytes, Memory.under(bytes)?.use());
        return;
      }
      this.#cancel();
      isGreeted = true;
      this.#hasBeenUp = true;
      this.#backoff.reset();
      const received = readHello(bytes);
      if (received === undefined) this.mux.close("the coordinator speaks another protocol");
      else if (this.mux.connect(transport, received)) onChange?.("up");
    };
    socket.onclose = ({ code, reason }) => {
      this.#cancel();
      this.#socket = undefined;
      if (code === LINK_CLOSED || code === SESSION_UNKNOWN)
        this.mux.close(reason || "the coordinator has closed it");
      if (this.mux.isClosed) return;
      if (isGreeted) {
        this.mux.disconnected(transport);
        onChange?.("broken");
      } else if (!this.#hasBeenUp && this.#tries >= MOST_FIRST_TRIES) {
        this.mux.close("the coordinator could not be reached");
        return;
      }
      this.#cancel = clock.after(this.#backoff.next(), () => this.#dial());
    };
  }
}

const readHello = (bytes: Uint8Array): number | undefined => {
  try {
    const { type, payload } = decodeFrame(bytes);
    const hello = Hello.safeParse(type === FrameType.hello ? decodeJson(payload) : undefined);
    return hello.data?.received;
  } catch {
    return undefined;
  }
};

/** The address of a coordinator's tunnel. */
export const tunnelUrl = (url: string, path: string): string => `${url.replace(/^http/, "ws")}${path}`;
