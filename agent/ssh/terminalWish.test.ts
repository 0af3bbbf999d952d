import { expect, test } from "bun:test";
import fc from "fast-check";
import { readModes } from "./terminalWish.ts";

test("modes are read up to their end, or to what cannot be understood", () => {
  const bytes = [129, 0, 0, 0x25, 0x80, 1, 0, 0, 0, 3];
  const known: [number, number][] = [
    [129, 9600],
    [1, 3],
  ];
  const read = (more: readonly number[]) => [...readModes(Buffer.from([...bytes, ...more]))];
  for (const more of [[], [0], [0, 53, 0, 0, 0, 0], [53, 0, 0, 0], [160, 0, 0, 0, 1], [255]])
    expect(read(more)).toEqual(known);
  expect([...readModes(Buffer.alloc(0))]).toEqual([]);
});

test("whatever a client sends is read", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => {
      for (const [mode, value] of readModes(Buffer.from(bytes)))
        expect(mode > 0 && mode < 160 && value >= 0 && value < 2 ** 32).toBe(true);
    }),
  );
});
