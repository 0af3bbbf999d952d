import { expect, test } from "bun:test";
import fc from "fast-check";
import { FrameReader, FrameWriter } from "./byteFrames.ts";
import { decodeFrame, type Frame, FrameType, frameOf, MAX_DATA_BYTES } from "./frame.ts";
import type { Memory } from "./memory.ts";

const asText = ({ type, stream, payload }: Frame): string =>
  `${type} ${stream} ${Buffer.from(payload).toString("base64")}`;

test("whatever a connection takes at a time, and however what it carries is cut, the same frames come out", async () => {
  const frame = fc.record({
    stream: fc.nat(2 ** 31),
    payload: fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.nat(MAX_DATA_BYTES).map((length) => new Uint8Array(length).fill(length)),
    ),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(frame, { maxLength: 12 }),
      fc.infiniteStream(fc.integer({ min: 0, max: 300_000 })),
      fc.infiniteStream(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 200_000 }))),
      async (frames, taken, cuts) => {
        const carried: Uint8Array[] = [];
        const writer = new FrameWriter((bytes) => {
          const takes = Math.min(bytes.length, taken.next().value);
          carried.push(bytes.slice(0, takes));
          return takes;
        });
        const sent = frames.map(({ stream, payload }) => frameOf(FrameType.data, stream, payload));
        for (const one of sent) writer.send(one);
        await Promise.resolve();
        const total = sent.reduce((sum, { payload }) => sum + payload.length + 9, 0);
        const lengthOf = () => carried.reduce((sum, { length }) => sum + length, 0);
        while (lengthOf() < total) writer.drain();
        const received: string[] = [];
        const reader = new FrameReader((bytes) => received.push(asText(decodeFrame(bytes))));
        const all = Buffer.concat(carried);
        for (let at = 0; at < all.length; ) {
          const next = at + cuts.next().value;
          reader.push(all.subarray(at, next));
          at = next;
        }
        expect(received).toEqual(sent.map(asText));
      },
    ),
    { numRuns: 60 },
  );
});

test("what came in one piece is there for as long as somebody has a frame of it, and given back then", async () => {
  let piece = new Uint8Array();
  const writer = new FrameWriter((bytes) => {
    piece = Uint8Array.from([...piece, ...bytes]);
    return bytes.length;
  });
  const data = (stream: number) =>
    frameOf(FrameType.data, stream, new Uint8Array(MAX_DATA_BYTES).fill(stream));
  for (const frame of [data(1), frameOf(FrameType.end, 3), data(5), data(7)]) writer.send(frame);
  await Promise.resolve();
  const held: { frame: Frame; memory: Memory | undefined }[] = [];
  const reader = new FrameReader((bytes, memory) => void held.push({ frame: decodeFrame(bytes), memory }));
  const [whole, rest] = [piece.slice(0, 170_000), piece.slice(170_000)];
  reader.push(whole);
  reader.push(rest);
  expect(held.map(({ memory }) => memory !== undefined)).toEqual([true, false, true, true]);
  const isThere = () => [whole, rest].map(({ buffer }) => buffer.byteLength > 0);
  for (const [at, left] of [
    [0, [true, false]],
    [2, [false, false]],
    [3, [false, false]],
  ] as const) {
    expect(held[at]?.frame.payload).toEqual(new Uint8Array(MAX_DATA_BYTES).fill(2 * at + 1));
    held[at]?.memory?.release();
    expect(isThere()).toEqual([...left]);
  }
  expect(held[3]?.frame.payload).toHaveLength(0);
});

test("frames of one moment go out together", async () => {
  const writes: number[] = [];
  const writer = new FrameWriter((bytes) => {
    writes.push(bytes.length);
    return bytes.length;
  });
  for (let stream = 1; stream <= 10; stream += 1) writer.send(frameOf(FrameType.end, stream));
  await Promise.resolve();
  expect(writes).toEqual([90]);
});

test.each([
  ["too short to be one", 4],
  ["too long to be one", MAX_DATA_BYTES + 6],
  ["of four gigabytes", 2 ** 32 - 1],
])("a frame %s is refused before there is memory for it", (_name, length) => {
  const announced = new Uint8Array(4);
  new DataView(announced.buffer).setUint32(0, length);
  const reader = new FrameReader(() => {});
  expect(() => reader.push(announced)).toThrow(`a frame of ${length} bytes`);
  const slow = new FrameReader(() => {});
  slow.push(announced.subarray(0, 3));
  expect(() => slow.push(announced.subarray(3))).toThrow(`a frame of ${length} bytes`);
});
