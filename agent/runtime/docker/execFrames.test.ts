import { expect, test } from "bun:test";
import { Readable } from "node:stream";
import fc from "fast-check";
import { splitOutput } from "./execFrames.ts";

const frame = (stream: number, text: string): Buffer => {
  const body = Buffer.from(text);
  const head = Buffer.alloc(8);
  head[0] = stream;
  head.writeUInt32BE(body.length, 4);
  return Buffer.concat([head, body]);
};

const textOf = async (source: Readable): Promise<string> => {
  let text = "";
  for await (const chunk of source) text += String(chunk);
  return text;
};

test("each byte goes to its stream, however the connection cuts them", () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.constantFrom(1, 2), fc.string({ unit: "grapheme-ascii" }))),
      fc.integer({ min: 1, max: 20 }),
      async (said, size) => {
        const all = Buffer.concat(said.map(([stream, text]) => frame(stream, text)));
        const chunks = Array.from({ length: Math.ceil(all.length / size) }, (_, at) =>
          all.subarray(at * size, (at + 1) * size),
        );
        const { stdout, stderr } = splitOutput(Readable.from(chunks));
        const of = (stream: number) => said.flatMap(([one, text]) => (one === stream ? [text] : [])).join("");
        expect(await Promise.all([textOf(stdout), textOf(stderr)])).toEqual([of(1), of(2)]);
      },
    ),
  ));
