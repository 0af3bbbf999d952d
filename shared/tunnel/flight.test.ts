import { describe, expect, test } from "bun:test";
import { Flight } from "./flight.ts";

interface Way {
  /** Of one direction. */
  delayMs: number;
  bytesPerMs: number;
  /** How late an acknowledgement is for reasons that have nothing to do with what is on the way. */
  lateMs?: () => number;
}

const FRAME = 64 * 1024;
const STEP_MS = 0.25;
/** As the receiving side does it (link.ts). */
const [ACK_BYTES, ACK_MS] = [128 * 1024, 1];

/** A sender that always has more, and a wire with a queue before it. Answers what came in the last second. */
const play = (flight: Flight, { delayMs, bytesPerMs, lateMs = () => 0 }: Way, forMs: number) => {
  const onTheWay: { sentAt: number; after: number; comesAt: number }[] = [];
  const acks: { at: number; frames: number; sentAt: number; after: number }[] = [];
  let [inFlight, freeAt, unacked, firstAt, last] = [0, 0, 0, 0, { sentAt: 0, after: 0 }];
  let acknowledged = 0;
  let [bytes, longestMs] = [0, 0];
  for (let now = 0; now < forMs; now += STEP_MS) {
    for (; inFlight < flight.window; inFlight += FRAME) {
      freeAt = Math.max(freeAt, now) + FRAME / bytesPerMs;
      onTheWay.push({ sentAt: now, after: acknowledged, comesAt: freeAt + delayMs });
    }
    flight.limited();
    while (onTheWay[0] && onTheWay[0].comesAt <= now) {
      last = onTheWay.shift() ?? last;
      if (unacked === 0) firstAt = now;
      unacked += 1;
      if (now < forMs - 1_000) continue;
      bytes += FRAME;
      longestMs = Math.max(longestMs, now - last.sentAt - delayMs);
    }
    if (unacked > 0 && (unacked * FRAME >= ACK_BYTES || now - firstAt >= ACK_MS)) {
      const at = Math.max(acks.at(-1)?.at ?? 0, now + delayMs + lateMs());
      acks.push({ ...last, at, frames: unacked });
      unacked = 0;
    }
    for (let ack = acks[0]; ack && ack.at <= now; ack = acks[0]) {
      acks.shift();
      inFlight -= ack.frames * FRAME;
      acknowledged += ack.frames * FRAME;
      flight.arrived({ sentAt: ack.sentAt, now, bytes: acknowledged - ack.after, overMs: now - ack.sentAt });
    }
  }
  return { bytesPerMs: bytes / 1_000, queueMs: longestMs };
};

/** The same on every run. */
const seeded = (): (() => number) => {
  let state = 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
};

test("little that comes and goes leaves a link as it is, for when there is much again", () => {
  const flight = new Flight();
  play(flight, { delayMs: 50, bytesPerMs: 125_000 }, 3_000);
  const { window } = flight;
  const type = (from: number, ms: number): void => {
    for (let now = from; now < from + 60_000; now += 500) {
      flight.arrived({ sentAt: now - ms, now, bytes: 100, overMs: ms });
      expect(flight.window).toBeGreaterThanOrEqual(window * 0.9);
    }
  };
  type(10_000, 110);
  expect(flight.roundTripMs).toBe(110);
  type(80_000, 101);
  expect(flight.roundTripMs).toBe(101);
});

describe("so much is on its way that", () => {
  test("a long and wide one is full after two seconds, and stays so", () => {
    const [flight, way] = [new Flight(), { delayMs: 50, bytesPerMs: 125_000 }];
    expect(play(flight, way, 3_000).bytesPerMs).toBeGreaterThan(0.7 * way.bytesPerMs);
    expect(play(new Flight(), way, 60_000).bytesPerMs).toBeGreaterThan(0.7 * way.bytesPerMs);
  });

  test("a narrow one is full, and nobody waits for long, however long it lasts", () => {
    const way = { delayMs: 5, bytesPerMs: 2_000 };
    for (const forMs of [5_000, 120_000]) {
      const { bytesPerMs, queueMs } = play(new Flight(), way, forMs);
      expect(bytesPerMs).toBeGreaterThan(0.8 * way.bytesPerMs);
      expect(queueMs).toBeLessThan(400);
    }
  });

  test("a machine that is busy does not count as a queue, be it late always or now and then", () => {
    const random = seeded();
    const late = [
      () => 5 + 60 * random() ** 2,
      () => 20 + 60 * random(),
      () => (random() < 0.2 ? 1 + 3 * random() : 20 + 60 * random()),
    ];
    for (const lateMs of late) {
      const way = { delayMs: 0.1, bytesPerMs: 500_000, lateMs };
      expect(play(new Flight(), way, 20_000).bytesPerMs).toBeGreaterThan(6_000);
    }
  });

  test("what takes no time is as fast as it can be", () => {
    const way = { delayMs: 0.1, bytesPerMs: 500_000 };
    const { bytesPerMs, queueMs } = play(new Flight(), way, 2_000);
    expect(bytesPerMs).toBeGreaterThan(300_000);
    expect(queueMs).toBeLessThan(40);
  });

  test("others who wait beside do not wait for what only machines that are near take in one go", () => {
    const near = new Flight();
    play(near, { delayMs: 0.05, bytesPerMs: 500_000 }, 2_000);
    expect(near.window).toBeGreaterThan(512 * 1024);
    near.hasCompany = true;
    expect(near.window).toBe(192 * 1024);
    const far = new Flight();
    play(far, { delayMs: 50, bytesPerMs: 125_000 }, 2_000);
    const { window } = far;
    far.hasCompany = true;
    expect(far.window).toBeGreaterThan(0.95 * window);
  });
});
