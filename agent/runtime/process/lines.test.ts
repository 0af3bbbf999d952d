import { expect, test } from "bun:test";
import fc from "fast-check";
import { LineReader, LineWriter } from "./lines.ts";

/** Cuts bytes at the given places, in whatever order they come. */
const cut = (bytes: Buffer, places: number[]): Buffer[] => {
  const at = [0, ...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
};

test("LineReader gives the same values however the bytes are cut", () => {
  fc.assert(
    fc.property(
      fc.array(fc.jsonValue(), { maxLength: 8 }),
      fc.array(fc.nat(), { maxLength: 20 }),
      (values, places) => {
        const text = values.map((value) => `${JSON.stringify(value)}\n`).join("");
        const reader = new LineReader();
        const read = cut(Buffer.from(text), places).flatMap((bytes) => reader.push(bytes));
        expect(JSON.stringify(read)).toBe(JSON.stringify(values));
      },
    ),
  );
});

test("LineWriter gets everything through a socket that takes some bytes, or none, at a time", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string(), { minLength: 1, maxLength: 8 }),
      fc.array(fc.integer({ min: -1, max: 7 }), { maxLength: 50 }),
      (values, takes) => {
        const written: Uint8Array[] = [];
        const write = (data: string | Bun.BufferSource) => {
          const bytes = Buffer.from(data as Uint8Array);
          const size = Math.min(takes.shift() ?? bytes.length, bytes.length);
          if (size > 0) written.push(Buffer.from(bytes.subarray(0, size)));
          return size;
        };
        const writer = new LineWriter({ write });
        for (const value of values) writer.send(value);
        for (let times = takes.length; times >= 0; times--) writer.drain();
        expect(new LineReader().push(Buffer.concat(written))).toEqual(values);
      },
    ),
  );
});

test("LineReader refuses what is no JSON, and a line without an end", () => {
  expect(() => new LineReader().push(Buffer.from("nonsense\n"))).toThrow();
  expect(() => new LineReader().push(Buffer.alloc(17 * 1024 * 1024, "x"))).toThrow("longer than");
});
