import {
  bytesOf,
  encodeFrame,
  type Frame,
  FrameType,
  HEADER_BYTES,
  MAX_DATA_BYTES,
} from "../tunnel/frame.ts";
import type { Transport } from "../tunnel/link.ts";
import { Mux, type MuxOptions } from "../tunnel/mux.ts";
import { FakeClock } from "./fakeClock.ts";

export interface LongWayOptions {
  /** Of one direction. */
  delayMs: number;
  bytesPerMs: number;
  /** Now and then, each of the two machines does nothing for a while: so often a second, and for so long at most. */
  pauses: { perSecond: number; mostMs: number };
  /** Between 0 and 1; the same numbers on every run. */
  random: () => number;
  onStream: MuxOptions["onStream"];
}

/** A TCP connection begins with so much on its way, and has twice as much with each round trip. */
const FIRST_SEGMENTS_BYTES = 14_480;

/** Data of any content: gigabytes of it need not be copied. */
const DATA = new Uint8Array(HEADER_BYTES + MAX_DATA_BYTES);

const messageOf = ({ type, stream, payload }: Frame): Uint8Array => {
  if (type !== FrameType.data) return encodeFrame(type, stream, payload);
  DATA.set(encodeFrame(type, stream));
  return DATA.subarray(0, HEADER_BYTES + payload.length);
};

/** A machine that is busy with something else now and then: what comes for it waits. */
class Machine {
  readonly #options: LongWayOptions;
  #from = 0;
  #until = 0;

  constructor(options: LongWayOptions) {
    this.#options = options;
  }

  /** When it can do what is to be done then. */
  free(at: number): number {
    const { pauses, random } = this.#options;
    while (pauses.perSecond > 0 && this.#until <= at) {
      this.#from = this.#until + (-Math.log(1 - random()) * 1_000) / pauses.perSecond;
      this.#until = this.#from + pauses.mostMs * random();
    }
    return at >= this.#from && at < this.#until ? this.#until : at;
  }
}

/** One direction: a queue, a wire, and the machine at its end. */
class Lane {
  readonly #clock: FakeClock;
  readonly #options: LongWayOptions;
  readonly #receive: (frame: Frame) => void;
  readonly #machine: Machine;
  readonly #onWay: { frame: Frame; at: number }[] = [];
  #freeAt = 0;
  /** How long something waited to be sent, at most, since it was last asked. */
  longestQueueMs = 0;

  constructor(clock: FakeClock, options: LongWayOptions, receive: (frame: Frame) => void) {
    this.#clock = clock;
    this.#options = options;
    this.#receive = receive;
    this.#machine = new Machine(options);
  }

  send(frame: Frame): void {
    const now = this.#clock.steady();
    const { delayMs } = this.#options;
    const begins = Math.max(now, this.#freeAt);
    this.longestQueueMs = Math.max(this.longestQueueMs, begins - now);
    this.#freeAt = begins + bytesOf(frame) / this.#bytesPerMs(begins);
    const before = this.#onWay.at(-1)?.at ?? 0;
    this.#onWay.push({ frame, at: Math.max(before, this.#machine.free(this.#freeAt + delayMs)) });
    if (this.#onWay.length === 1) this.#deliverSoon();
  }

  #bytesPerMs(now: number): number {
    const { bytesPerMs, delayMs } = this.#options;
    const roundTripMs = 2 * delayMs;
    return Math.min(bytesPerMs, (FIRST_SEGMENTS_BYTES / roundTripMs) * 2 ** Math.min(30, now / roundTripMs));
  }

  #deliverSoon(): void {
    const next = this.#onWay[0];
    if (!next) return;
    this.#clock.after(Math.max(0, next.at - this.#clock.steady()), () => {
      this.#receive(next.frame);
      this.#onWay.shift();
      this.#deliverSoon();
    });
  }
}

/** Two muxes, and a long way between them over which nothing is lost, on machines that are busy. */
export class LongWay {
  readonly clock = new FakeClock(0);
  readonly near: Mux;
  readonly far: Mux;
  readonly #lanes: readonly Lane[];

  constructor(options: LongWayOptions) {
    const { clock } = this;
    const common = { clock, resumeMs: 30_000, maxStreams: 100, onStream: options.onStream };
    const onClosed = (reason: string) => {
      throw new Error(`The link was closed: ${reason}`);
    };
    this.near = new Mux({ ...common, isDialler: true, onClosed });
    this.far = new Mux({ ...common, isDialler: false, onClosed });
    const lane = (receive: (bytes: Uint8Array) => void) =>
      new Lane(clock, options, (frame) => receive(messageOf(frame)));
    const [up, down] = [
      lane((bytes) => this.far.receive(farEnd, bytes)),
      lane((bytes) => this.near.receive(nearEnd, bytes)),
    ];
    this.#lanes = [up, down];
    const endOf = ({ send }: { send: (frame: Frame) => void }): Transport => ({
      send,
      close: () => {},
      giveUp: () => {},
    });
    const nearEnd = endOf({ send: (frame) => up.send(frame) });
    const farEnd = endOf({ send: (frame) => down.send(frame) });
    this.far.connect(farEnd, 0);
    this.near.connect(nearEnd, 0);
  }

  /** How long something waited to be sent, at most, since it was last asked. */
  takeLongestQueueMs(): number {
    const longest = Math.max(...this.#lanes.map(({ longestQueueMs }) => longestQueueMs));
    for (const lane of this.#lanes) lane.longestQueueMs = 0;
    return longest;
  }
}
