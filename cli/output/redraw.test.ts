import { expect, test } from "bun:test";
import { memoryOutput } from "../testing/memoryOutput.ts";
import { createRedrawn } from "./redraw.ts";

const draw = (shape: { columns: number; rows?: number }, texts: readonly string[]) => {
  const { output, text } = memoryOutput({ ...shape, isTerminal: true });
  const place = createRedrawn(output);
  for (const each of texts) place.draw(each);
  return text();
};

test("a text is written over the one before, and what is left of that is erased afterwards", () => {
  expect(draw({ columns: 80 }, ["one\ntwo\n", "1\n"])).toBe(
    "one\x1b[K\ntwo\x1b[K\n\x1b[J" + "\x1b[2A\r1\x1b[K\n\x1b[J",
  );
});

test("lines that the terminal breaks count as often as they take", () => {
  expect(draw({ columns: 10 }, [`${"x".repeat(25)}\n`, "1\n"])).toContain("\x1b[3A\r1");
});

test("what is higher than the screen is cut: what has scrolled out cannot be written over", () => {
  const lines = Array.from({ length: 9 }, (_, at) => `line ${at}\n`).join("");
  expect(draw({ columns: 80, rows: 5 }, [lines])).toBe(
    "line 0\x1b[K\nline 1\x1b[K\nline 2\x1b[K\n … 6 more lines\x1b[K\n\x1b[J",
  );
  expect(draw({ columns: 80, rows: 10 }, [lines])).toContain("line 8");
});

test("what is left behind is whole", () => {
  const lines = Array.from({ length: 9 }, (_, at) => `line ${at}\n`).join("");
  for (const rows of [5, 24]) {
    const { output, text } = memoryOutput({ columns: 80, rows, isTerminal: true });
    const place = createRedrawn(output);
    place.draw(lines);
    const drawn = text();
    place.settle(lines);
    expect(text().slice(drawn.length)).toBe(rows === 5 ? `\x1b[4A\r\x1b[J${lines}` : "");
  }
});
