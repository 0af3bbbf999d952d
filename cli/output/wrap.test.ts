import { expect, test } from "bun:test";
import fc from "fast-check";
import { truncate, widthOf, wrap } from "./wrap.ts";

test.each([
  ["short", 10, ["short"]],
  ["two words", 5, ["two", "words"]],
  ["one-word-that-is-long", 8, ["one-word", "-that-is", "-long"]],
  ["first line\nsecond", 20, ["first line", "second"]],
  ["a b c d", 3, ["a b", "c d"]],
  ["  indented text", 11, ["  indented", "  text"]],
])("wrap(%j, %d)", (text, width, lines) => {
  expect(wrap(text, width)).toEqual(lines);
});

test("wrap() keeps every character and no line is too long", () => {
  const words = fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { minLength: 1 });
  fc.assert(
    fc.property(words, fc.integer({ min: 1, max: 30 }), (parts, width) => {
      const lines = wrap(parts.join(" "), width);
      expect(lines.join("").replaceAll(" ", "")).toBe(parts.join(""));
      for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(width);
    }),
  );
});

test("truncate() says with an ellipsis that something is missing", () => {
  expect(truncate("exited (11)", 11)).toBe("exited (11)");
  expect(truncate("exited (11)", 8)).toBe("exited …");
});
