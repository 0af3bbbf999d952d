import { expect, test } from "bun:test";
import { FakeClock } from "../testing/fakeClock.ts";
import { encodeFrame, encodeJson, type Frame, FrameType } from "./frame.ts";
import type { Transport } from "./link.ts";
import { Mux, type MuxOptions } from "./mux.ts";

/** A side that somebody has dialled who can send what they like, and never says that anything has come. */
const openSide = (options: Partial<MuxOptions> = {}) => {
  const clock = new FakeClock(0);
  const sent: Frame[] = [];
  const closed: { reason: string; isBreach: boolean }[] = [];
  const transport: Transport = { send: (frame) => void sent.push(frame), close: () => {}, giveUp: () => {} };
  const mux = new Mux({
    clock,
    resumeMs: 1_000,
    isDialler: false,
    maxStreams: 10,
    onStream: ({ stream }) => stream.reset({ code: "forbidden", message: "x".repeat(500) }),
    onClosed: (reason, isBreach) => void closed.push({ reason, isBreach }),
    ...options,
  });
  mux.connect(transport, 0);
  return { clock, mux, sent, closed, send: (frame: Uint8Array) => mux.receive(transport, frame) };
};

test("who never acknowledges what they cause to be sent has their link closed, and not this side's memory", () => {
  const { mux, closed, send } = openSide();
  let asked = 0;
  for (; !mux.isClosed && asked < 200_000; asked += 1)
    send(encodeFrame(FrameType.open, 2 * asked + 1, encodeJson({ granted: 0 })));
  expect(asked).toBeLessThan(60_000);
  expect(closed).toEqual([
    { reason: "the other side does not say that it has what was sent", isBreach: false },
  ]);
  expect(mux.inFlight).toBe(0);
});

test("who asks again and again whether this side is there is answered once in a while", () => {
  const { clock, sent, send } = openSide();
  const pongs = () => sent.filter(({ type }) => type === FrameType.pong).length;
  for (let count = 0; count < 1_000; count += 1) send(encodeFrame(FrameType.ping, 0));
  expect(pongs()).toBe(1);
  clock.advance(1_000);
  send(encodeFrame(FrameType.ping, 0));
  expect(pongs()).toBe(2);
});

test("a flood of frames that carry nothing ends the link; as many in a longer time do not", () => {
  const { clock, mux, closed, send } = openSide({ mostSmallFrames: 100 });
  for (let second = 0; second < 5; second += 1) {
    for (let count = 0; count < 100; count += 1) send(encodeFrame(FrameType.ping, 0));
    clock.advance(1_000);
  }
  expect(mux.isClosed).toBe(false);
  for (let count = 0; count < 101; count += 1) send(encodeFrame(FrameType.ping, 0));
  expect(closed).toEqual([
    { reason: "protocol error: more than 100 small frames in a second", isBreach: true },
  ]);
});

test("a request that is too long for a frame leaves nothing behind", () => {
  const { mux } = openSide();
  expect(() => mux.open("x".repeat(20_000))).toThrow(RangeError);
  expect(mux.size).toBe(0);
});

test("what another side says to people has nothing in it that their terminals would do", () => {
  const { mux, send } = openSide();
  let heard: string | undefined;
  mux.open("x").handle({
    accepted: () => {},
    data: () => {},
    credit: () => {},
    blocked: () => {},
    ended: () => {},
    closed: (failure) => {
      heard = failure?.message;
    },
  });
  send(encodeFrame(FrameType.reset, 2, encodeJson({ code: "refused", message: "no\u001b[2J\nreally" })));
  expect(heard).toBe("no [2J really");
});
