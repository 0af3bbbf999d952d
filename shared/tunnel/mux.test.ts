import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { LossyPair } from "../testing/lossyPair.ts";
import { encodeFrame, encodeJson, FrameType } from "./frame.ts";
import type { TunnelStream } from "./stream.ts";

/** One end of a stream that notes what happens to it, and grants what it has read when told to. */
class End {
  readonly stream: TunnelStream;
  readonly events: string[] = [];
  received = Buffer.alloc(0);
  owed = 0;

  constructor(stream: TunnelStream) {
    this.stream = stream;
    stream.handle({
      accepted: (answer) => void this.events.push(`accepted ${JSON.stringify(answer)}`),
      data: (piece) => {
        this.received = Buffer.concat([this.received, piece]);
        this.owed += piece.length;
      },
      credit: () => {},
      blocked: () => void this.events.push("blocked"),
      ended: () => void this.events.push("ended"),
      closed: (failure) => void this.events.push(`closed ${failure?.message}`),
    });
  }

  grant(): void {
    this.stream.grant(this.owed);
    this.owed = 0;
  }
}

const echoPair = (options: { maxStreams?: number; resumeMs?: number; window?: number } = {}) => {
  const theirs = new Map<number, End>();
  const pair = new LossyPair({
    ...options,
    onStream: ({ stream, accept }, request) => {
      theirs.set(stream.id, new End(stream));
      accept({ echo: request }, options.window);
    },
  });
  return { pair, theirs };
};

const bytes = (length: number, seed: number): Uint8Array =>
  Uint8Array.from({ length }, (_, at) => (at * 31 + seed * 17 + (at >> 8)) & 255);

test("a stream is asked for, accepted, written to, ended from both sides, and gone", () => {
  const { pair, theirs } = echoPair();
  const ours = new End(pair.dialler.open({ port: 80 }));
  ours.stream.write(bytes(200_000, 1));
  ours.stream.end();
  pair.settle();
  const their = theirs.get(ours.stream.id);
  expect(their?.received.equals(bytes(200_000, 1))).toBe(true);
  expect([ours.events, their?.events]).toEqual([['accepted {"echo":{"port":80}}'], ["ended"]]);
  their?.stream.write(bytes(10, 2));
  their?.stream.end();
  pair.settle();
  expect(ours.received.equals(bytes(10, 2))).toBe(true);
  expect(ours.events.slice(1)).toEqual(["ended", "closed undefined"]);
  expect(their?.events).toEqual(["ended", "closed undefined"]);
  expect([pair.dialler.size, pair.acceptor.size]).toEqual([0, 0]);
});

test("nothing comes beyond what was granted, and the sender says that it waits", () => {
  const { pair, theirs } = echoPair({ window: 100_000 });
  const ours = new End(pair.dialler.open("x"));
  ours.stream.write(bytes(300_000, 1));
  pair.settle();
  const their = theirs.get(1);
  expect(their?.received.length).toBe(65_536);
  expect(their?.events).toEqual(["blocked"]);
  expect(ours.stream.room).toBeLessThan(0);
  for (let round = 0; round < 10; round += 1) {
    their?.grant();
    pair.settle();
  }
  expect(their?.received.equals(bytes(300_000, 1))).toBe(true);
});

test("streams take turns, however much one of them has", () => {
  const { pair, theirs } = echoPair();
  const greedy = new End(pair.dialler.open("greedy"));
  pair.settle();
  greedy.stream.write(bytes(4_000_000, 1));
  const small = new End(pair.dialler.open("small"));
  small.stream.write(bytes(10, 2));
  let frames = 0;
  while (theirs.get(small.stream.id)?.received.length !== 10 && frames < 100) {
    pair.deliver("acceptor");
    pair.deliver("dialler");
    frames += 1;
  }
  // Its request, the flight of the greedy one until then, its data.
  expect(frames).toBeLessThan(12);
});

test("who shares a link with somebody who has many streams has as much of it", () => {
  const { pair, theirs } = echoPair({ window: 4_000_000 });
  const open = (share: string) => {
    const end = new End(pair.dialler.open(share));
    end.stream.share = share;
    return end;
  };
  const [many, one] = [Array.from({ length: 30 }, () => open("ada")), open("bob")];
  pair.settle();
  for (const { stream } of [...many, one]) stream.write(bytes(2_000_000, 1));
  const came = (end: End) => theirs.get(end.stream.id)?.received.length ?? 0;
  while (came(one) < 1_500_000 && (pair.deliver("acceptor", 4) || pair.deliver("dialler", 4)))
    pair.clock.advance(5);
  const others = many.reduce((sum, end) => sum + came(end), 0);
  expect(came(one)).toBeGreaterThanOrEqual(1_500_000);
  expect(others / came(one)).toBeLessThan(1.3);
});

test("a reset tells the other side why and ends the stream at once; what comes late is nobody's", () => {
  const { pair, theirs } = echoPair();
  const ours = new End(pair.dialler.open("x"));
  pair.settle();
  const their = theirs.get(1);
  their?.stream.write(bytes(1000, 1));
  ours.stream.reset({ code: "aborted", message: "enough" });
  pair.settle();
  expect(their?.events).toEqual(["closed enough"]);
  expect(ours.received.length).toBe(0);
  expect([pair.dialler.size, pair.acceptor.size]).toEqual([0, 0]);
  expect(pair.closed).toEqual([]);
});

test("a side that will have no more of a link has broken its streams off; the other side has lost them", () => {
  const codes: (string | undefined)[] = [];
  const { pair, theirs } = echoPair();
  pair.dialler.open("x").handle({
    accepted: () => {},
    data: () => {},
    credit: () => {},
    blocked: () => {},
    ended: () => {},
    closed: (failure) => void codes.push(failure?.code),
  });
  pair.settle();
  pair.dialler.abort("Access was revoked");
  expect(codes).toEqual(["aborted"]);
  expect(pair.closed).toContain("Access was revoked");
  expect(theirs.size).toBe(1);
});

test("more streams than allowed are refused, and those that are there go on", () => {
  const { pair, theirs } = echoPair({ maxStreams: 2 });
  const ends = [1, 2, 3].map((name) => new End(pair.dialler.open(name)));
  pair.settle();
  expect(ends.map(({ events }) => events)).toEqual([
    ['accepted {"echo":1}'],
    ['accepted {"echo":2}'],
    ["closed More than 2 streams at a time"],
  ]);
  expect(theirs.size).toBe(2);
});

test("a link that does not come back in time is over on both sides, with a reason for each stream", () => {
  const { pair, theirs } = echoPair({ resumeMs: 1000 });
  const ours = new End(pair.dialler.open("x"));
  pair.settle();
  pair.cut();
  pair.clock.advance(999);
  expect(pair.closed).toEqual([]);
  pair.clock.advance(1);
  const reason = "the connection broke and did not come back in time";
  expect(pair.closed).toEqual([reason, reason]);
  expect([ours.events.at(-1), theirs.get(1)?.events.at(-1)]).toEqual([
    `closed ${reason}`,
    `closed ${reason}`,
  ]);
  expect(new End(pair.dialler.open("late")).stream.isGone).toBe(true);
});

test("a way that swallows everything is given up", () => {
  const { pair } = echoPair({ resumeMs: 1000 });
  pair.clock.advance(60_000);
  expect(pair.dialler.isUp).toBe(false);
  expect(pair.dialler.isClosed).toBe(true);
});

describe("what does not follow the protocol closes the link", () => {
  const wrong: [string, Uint8Array][] = [
    ["an unknown type", Uint8Array.of(9, 0, 0, 0, 0)],
    ["half a header", Uint8Array.of(18, 0)],
    ["data for a stream that never was", encodeFrame(FrameType.data, 7, bytes(10, 1))],
    ["a frame that is too large", encodeFrame(FrameType.data, 1, bytes(70_000, 1))],
    ["more than was granted", encodeFrame(FrameType.data, 1, bytes(60_000, 1))],
    ["too much credit", encodeFrame(FrameType.credit, 1, Uint8Array.of(255, 255, 255, 255))],
    ["an acknowledgement of what was not sent", encodeFrame(FrameType.ack, 0, bytes(8, 0))],
    ["a stream of the wrong side", encodeFrame(FrameType.open, 3, new TextEncoder().encode('{"granted":1}'))],
    ["a window that is none", encodeFrame(FrameType.open, 2, new TextEncoder().encode('{"granted":-1}'))],
    ["a window of any size", encodeFrame(FrameType.open, 2, encodeJson({ granted: 2 ** 40 }))],
    ["a stream that is accepted again", encodeFrame(FrameType.accept, 1, encodeJson({ granted: 1 }))],
    ["a reset for no reason", encodeFrame(FrameType.reset, 1, encodeJson({ message: "x" }))],
    [
      "a code of any length",
      encodeFrame(FrameType.reset, 1, encodeJson({ code: "x".repeat(50), message: "" })),
    ],
    ["JSON that is none", encodeFrame(FrameType.open, 2, new TextEncoder().encode("{"))],
  ];
  test.each(wrong)("%s", (_name, frame) => {
    const { pair } = echoPair();
    const ours = new End(pair.dialler.open("x", 50_000));
    pair.settle();
    pair.inject("dialler", frame);
    expect(pair.dialler.isClosed).toBe(true);
    expect(ours.events.at(-1)).toStartWith("closed protocol error: ");
  });

  test("whatever it is", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 }), (frames) => {
        const { pair } = echoPair();
        new End(pair.dialler.open("x"));
        pair.settle();
        for (const frame of frames) pair.inject("dialler", frame);
        pair.settle();
        return pair.dialler.size <= 20;
      }),
    );
  });
});

test("through any cuts every stream brings everything, once and in order", () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ do: fc.constant("open" as const) }) },
    {
      weight: 8,
      arbitrary: fc.record({ do: fc.constant("write" as const), of: fc.nat(9), size: fc.nat(150_000) }),
    },
    { weight: 4, arbitrary: fc.record({ do: fc.constant("grant" as const), of: fc.nat(9) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("end" as const), of: fc.nat(9) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("cut" as const) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("connect" as const) }) },
    {
      weight: 12,
      arbitrary: fc.record({
        do: fc.constantFrom("dialler" as const, "acceptor" as const),
        count: fc.integer({ min: 1, max: 8 }),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.nat(100) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const { pair, theirs } = echoPair();
      const ours: { end: End; sent: Uint8Array[]; isEnded: boolean }[] = [];
      const opened = (of: number) => ours[of % Math.max(1, ours.length)];
      for (const [at, now] of steps.entries()) {
        if (now.do === "open") ours.push({ end: new End(pair.dialler.open(at)), sent: [], isEnded: false });
        else if (now.do === "cut") pair.cut();
        else if (now.do === "connect") pair.connect();
        else if (now.do === "wait") pair.clock.advance(now.ms);
        else if ("count" in now) pair.deliver(now.do, now.count);
        else {
          const one = opened(now.of);
          if (!one) continue;
          if (now.do === "grant") theirs.get(one.end.stream.id)?.grant();
          else if (now.do === "end") {
            one.end.stream.end();
            one.isEnded = true;
          } else if (!one.isEnded) {
            const piece = bytes(now.size, at);
            one.sent.push(piece);
            one.end.stream.write(piece);
          }
        }
      }
      pair.connect();
      for (let round = 0; round < 200; round += 1) {
        pair.settle();
        if (ours.every(({ end, sent }) => theirs.get(end.stream.id)?.received.length === lengthOf(sent)))
          break;
        for (const their of theirs.values()) their.grant();
      }
      pair.settle();
      for (const { end, sent, isEnded } of ours) {
        const their = theirs.get(end.stream.id);
        expect(their?.received.equals(Buffer.concat(sent))).toBe(true);
        expect(their?.events.filter((event) => event === "ended")).toHaveLength(isEnded ? 1 : 0);
      }
      expect(pair.closed).toEqual([]);
    }),
    { numRuns: 200 },
  );
});

const lengthOf = (pieces: readonly Uint8Array[]): number =>
  pieces.reduce((sum, { length }) => sum + length, 0);
