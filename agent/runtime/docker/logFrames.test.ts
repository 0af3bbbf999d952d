import { expect, test } from "bun:test";
import fc from "fast-check";
import { LogFrames } from "./logFrames.ts";

const PIECE = 16 * 1024;

/** The log that an engine keeps of an output, as it answers it with timestamps. */
const engineLog = (output: Buffer, keepsNewlines: boolean): Buffer => {
  const parts: Buffer[] = [];
  let time = 0;
  let at = 0;
  while (at < output.length) {
    time += 1;
    const stamp = Buffer.from(`2026-11-24T20:10:41.${String(time).padStart(9, "0")}Z `);
    const newline = output.indexOf(10, at);
    const isLast = newline < 0;
    let line = output.subarray(at, isLast ? output.length : newline);
    at = isLast ? output.length : newline + 1;
    const isLong = line.length >= PIECE;
    while (line.length >= PIECE) {
      parts.push(stamp, line.subarray(0, PIECE));
      line = line.subarray(PIECE);
    }
    if (isLast && line.length === 0) continue;
    parts.push(stamp, line);
    if (!isLast && (keepsNewlines || !isLong)) parts.push(Buffer.from("\n"));
  }
  return Buffer.concat(parts);
};

const read = (log: Buffer, cuts: readonly number[]): Buffer => {
  const frames = new LogFrames();
  const out: Buffer[] = [];
  let at = 0;
  for (const cut of [...cuts, log.length]) {
    out.push(...frames.push(log.subarray(at, at + cut)));
    at = Math.min(log.length, at + cut);
  }
  out.push(...frames.push(log.subarray(at)), ...frames.end());
  return Buffer.concat(out);
};

const line = fc.oneof(
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
  fc
    .constantFrom(0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 2 * PIECE + 30, 3 * PIECE - 1)
    .map((length) => Buffer.alloc(length, "Z ")),
);
const output = fc
  .tuple(fc.array(line, { maxLength: 12 }), fc.boolean())
  .map(([lines, ends]) =>
    Buffer.concat([...lines.flatMap((l) => [l, Buffer.from("\n")]), ...(ends ? [] : [Buffer.from("%")])]),
  );
const cuts = fc.array(fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 40_000 })), {
  maxLength: 12,
});

test("what an engine logs gives back what the job wrote, however it arrives", () => {
  fc.assert(
    fc.property(output, cuts, (written, pieces) => {
      expect(read(engineLog(written, true), pieces).equals(written)).toBe(true);
    }),
    { numRuns: 300 },
  );
});

test("engines that forget the newline of long lines: all the same, but for one at the very end", () => {
  fc.assert(
    fc.property(output, cuts, (written, pieces) => {
      const last = Buffer.concat([written, Buffer.from("done")]);
      expect(read(engineLog(last, false), pieces).equals(last)).toBe(true);
    }),
    { numRuns: 300 },
  );
});

test("a whole line is given at once, not when the next one comes", () => {
  const frames = new LogFrames();
  const out = frames.push(Buffer.from("2026-11-24T20:10:41.961612643Z hello\r\n2026-11-24T20:10:41.96"));
  expect(Buffer.concat(out).toString()).toBe("hello\r\n");
});

test("what was read before is left out, and how far it was read is known", () => {
  const log = engineLog(Buffer.from("one\ntwo\nthree\nrest"), true);
  const frames = new LogFrames();
  frames.push(log.subarray(0, log.indexOf("three") - 31));
  expect(frames.newest).toBe("2026-11-24T20:10:41.000000002Z ");
  const again = new LogFrames(frames.newest);
  expect(Buffer.concat([...again.push(log), ...again.end()]).toString()).toBe("three\nrest");
  const atEnd = new LogFrames(again.newest);
  expect([...atEnd.push(log), ...atEnd.end()]).toEqual([]);
  expect(atEnd.newest).toBe("2026-11-24T20:10:41.000000004Z ");
});
