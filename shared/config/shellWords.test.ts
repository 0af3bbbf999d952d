import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { quoteWord, splitWords } from "./shellWords.ts";

describe("splitWords()", () => {
  test.each([
    ["/bin/run --flag", ["/bin/run", "--flag"]],
    ["  a\t b\n", ["a", "b"]],
    [`sh -c 'echo "hi" $x'`, ["sh", "-c", 'echo "hi" $x']],
    [`a"b c"d`, ["ab cd"]],
    [`"" ''`, ["", ""]],
    [`"a \\"q\\" \\n" b\\ c`, ['a "q" \\n', "b c"]],
    ["", []],
  ])("%s", (text, words) => expect(splitWords(text)).toEqual(words));

  test.each(["'open", '"open', "end\\"])("refuses %s", (text) => {
    expect(() => splitWords(text)).toThrow(/Cannot split/);
  });

  test("reads back what quoteWord() writes", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "grapheme" })), (words) => {
        expect(splitWords(words.map(quoteWord).join(" "))).toEqual(words);
      }),
    );
  });

  test("quoteWord() is what a real shell reads back", () => {
    const words = ["a b", "it's", "$HOME", "`id`", '"', "\\", "*", "~", "a=b", "\n"];
    const { stdout } = Bun.spawnSync(["/bin/sh", "-c", `printf '%s\\0' ${words.map(quoteWord).join(" ")}`]);
    expect(stdout.toString().split("\0").slice(0, -1)).toEqual(words);
  });
});
