import { expect, test } from "bun:test";
import { LossyPair } from "../testing/lossyPair.ts";
import { asMessages, decodeFrame, encodeFrame, FrameType, MAX_DATA_BYTES } from "./frame.ts";
import { Memory } from "./memory.ts";

const silent = { accepted: () => {}, credit: () => {}, blocked: () => {}, ended: () => {}, closed: () => {} };

test("small bytes, and a part of others', have no memory of their own", () => {
  expect(Memory.under(new Uint8Array(100))).toBeUndefined();
  expect(Memory.under(new Uint8Array(200_000).subarray(100_000))).toBeUndefined();
  expect(Memory.under(new Uint8Array(100_000))).toBeDefined();
});

test("it is given back when the last of its users needs it no more", () => {
  const bytes = new Uint8Array(100_000);
  const memory = Memory.under(bytes)?.use().use();
  memory?.release();
  expect(bytes.buffer.byteLength).toBe(100_000);
  memory?.release();
  expect(bytes.buffer.byteLength).toBe(0);
});

test("what a stream sends is kept until all of it has arrived, over whatever connection, and given back then", () => {
  let came = Buffer.alloc(0);
  const pair = new LossyPair({
    onStream: ({ stream, accept }) => {
      const data = (piece: Uint8Array) => {
        came = Buffer.concat([came, piece]);
      };
      stream.handle({ ...silent, data });
      accept(null);
    },
  });
  const stream = pair.dialler.open("x");
  stream.handle({ ...silent, data: () => {} });
  pair.settle();
  const bytes = Uint8Array.from({ length: 3 * MAX_DATA_BYTES }, (_, at) => at % 251);
  const sent = Buffer.from(bytes);
  stream.write(bytes, Memory.under(bytes));
  pair.deliver("acceptor", 2);
  pair.cut();
  expect(bytes.buffer.byteLength).toBe(sent.length);
  pair.connect();
  pair.settle();
  expect(came.equals(sent)).toBe(true);
  expect(bytes.buffer.byteLength).toBe(0);
});

test("a frame that came as a message goes out in the same memory, under the number of another stream", () => {
  const message = encodeFrame(FrameType.data, 7, new Uint8Array(50_000).fill(9));
  const memory = Memory.under(message)?.use();
  const sent: Uint8Array[] = [];
  const send = asMessages((bytes) => void sent.push(bytes));
  send({ ...decodeFrame(message), stream: 8, ...(memory ? { memory } : {}) });
  expect(sent[0]?.buffer).toBe(message.buffer);
  expect(decodeFrame(sent[0] ?? message)).toEqual({
    type: FrameType.data,
    stream: 8,
    payload: new Uint8Array(50_000).fill(9),
  });
});
