import { describe, expect, test } from "bun:test";
import { LongWay, type LongWayOptions } from "../testing/longWay.ts";
import { MAX_DATA_BYTES } from "./frame.ts";
import { ReceiveWindow, WindowBudget } from "./receiveWindow.ts";
import type { TunnelStream } from "./stream.ts";

/** Of one length, and not a whole number of frames, as reads of a socket are. */
const PIECE = new Uint8Array(200_000);

/** Writes whenever there is room, and holds on when there is none, as a socket is read (pipeSocket.ts). */
const pour = (stream: TunnelStream, piece: Uint8Array): void => {
  const write = () => {
    while (stream.room > 0) stream.write(piece);
  };
  stream.handle({
    accepted: write,
    data: () => {},
    credit: write,
    blocked: () => {},
    ended: () => {},
    closed: () => {},
  });
  write();
};

/** What comes is taken at once. */
const take = (stream: TunnelStream): { bytes: number } => {
  const window = new ReceiveWindow(stream, new WindowBudget(64 * 1024 * 1024));
  const taken = { bytes: 0 };
  stream.handle({
    accepted: () => {},
    data: ({ length }) => {
      taken.bytes += length;
      window.came(length);
      window.consumed(length);
    },
    credit: () => {},
    blocked: () => window.blocked(),
    ended: () => {},
    closed: () => {},
  });
  return taken;
};

const seeded = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
};

/** One stream that takes all it can get, from its start: what came in each second, and what waited to be sent. */
const play = (
  {
    seed,
    piece = PIECE,
    ...way
  }: Omit<LongWayOptions, "random" | "onStream"> & { seed: number; piece?: Uint8Array },
  seconds: number,
) => {
  const between = new LongWay({
    ...way,
    random: seeded(seed),
    onStream: ({ stream, accept }) => {
      accept(null);
      pour(stream, piece);
    },
  });
  const taken = take(between.near.open("all"));
  return Array.from({ length: seconds }, () => {
    const before = taken.bytes;
    between.clock.advance(1_000);
    return { bytesPerMs: (taken.bytes - before) / 1_000, queueMs: between.takeLongestQueueMs() };
  });
};

const MBIT = 125;
const SEEDS = Array.from({ length: 5 }, (_, at) => 1 + at * 7_919);

const meanOf = (all: readonly number[]): number => all.reduce((sum, one) => sum + one, 0) / all.length;

/** Whole frames, too: then nothing waits beyond what was granted, and its sender has to say so all the same. */
const PIECES = [PIECE, new Uint8Array(2 * MAX_DATA_BYTES)];

describe("one stream over a way of 100 ms and 1 Gbit/s", () => {
  const way = { delayMs: 50, bytesPerMs: 1_000 * MBIT };

  test.each([
    // Without pauses there is no chance in it.
    ["at rest", { perSecond: 0, mostMs: 0 }, SEEDS.slice(0, 1)],
    ["that are busy", { perSecond: 10, mostMs: 30 }, SEEDS],
  ])(
    "between machines %s has 400 Mbit/s from the fourth second on, always",
    (_name, pauses, seeds) => {
      for (const seed of seeds)
        for (const piece of PIECES) {
          const seconds = play({ ...way, pauses, seed, piece }, 12).slice(3);
          const slow = seconds.filter(({ bytesPerMs }) => bytesPerMs < 400 * MBIT);
          const queued = seconds.filter(({ queueMs }) => queueMs > 100);
          expect({ seed, slow, queued }).toEqual({ seed, slow: [], queued: [] });
        }
    },
    60_000,
  );

  test("between machines that hardly come to it has that all in all", () => {
    for (const seed of SEEDS) {
      const seconds = play({ ...way, pauses: { perSecond: 3, mostMs: 150 }, seed }, 20).slice(3);
      expect(meanOf(seconds.map(({ bytesPerMs }) => bytesPerMs))).toBeGreaterThan(400 * MBIT);
    }
  }, 60_000);
});

test.each([
  { mbit: 10, delayMs: 15 },
  { mbit: 50, delayMs: 5 },
  { mbit: 200, delayMs: 40 },
  { mbit: 1_000, delayMs: 2 },
  { mbit: 2_000, delayMs: 0.3 },
])(
  "a way of $mbit Mbit/s and 2 × $delayMs ms is full, and what is sent does not wait for long",
  (one) => {
    const way = { delayMs: one.delayMs, bytesPerMs: one.mbit * MBIT, pauses: { perSecond: 5, mostMs: 10 } };
    // Little as it is, what is always allowed to be on the way takes its time where that is narrow.
    const most = 4 * way.delayMs + (128 * 1024) / way.bytesPerMs + 4 * way.pauses.mostMs;
    for (const seed of SEEDS.slice(0, 2)) {
      const seconds = play({ ...way, seed }, 25).slice(3);
      expect(meanOf(seconds.map(({ bytesPerMs }) => bytesPerMs))).toBeGreaterThan(0.95 * way.bytesPerMs);
      expect(Math.max(...seconds.map(({ queueMs }) => queueMs))).toBeLessThan(most);
    }
  },
  60_000,
);
