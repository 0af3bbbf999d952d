import { expect, test } from "bun:test";
import fc from "fast-check";
import { FrameReader, FrameWriter } from "./byteFrames.ts";
import { decodeFrame, type Frame, FrameType, frameOf, MAX_DATA_BYTES } from "./frame.ts";

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
