import { expect, test } from "bun:test";
import { parseIgnoreFile } from "./ignore.ts";

test.each([
  ["*.log", "a.log", "ignore"],
  ["*.log", "deep/er/a.log", "ignore"],
  ["*.log", "a.logs", undefined],
  ["/build", "build", "ignore"],
  ["/build", "src/build", undefined],
  ["docs/*.md", "docs/a.md", "ignore"],
  ["docs/*.md", "docs/deep/a.md", undefined],
  ["docs/**/*.md", "docs/a.md", "ignore"],
  ["docs/**/*.md", "docs/x/y/a.md", "ignore"],
  ["**/cache", "a/b/cache", "ignore"],
  ["cache/**", "cache/x/y", "ignore"],
  ["cache/**", "cache", undefined],
  ["# a comment", "# a comment", undefined],
  ["\\#file", "#file", "ignore"],
  ["a?c", "abc", "ignore"],
  ["a?c", "a/c", undefined],
  ["[a-c]x", "bx", "ignore"],
  ["[!a-c]x", "bx", undefined],
  ["[!a-c]x", "dx", "ignore"],
  ["[]x]y", "]y", "ignore"],
  ["a[", "a[", undefined],
  ["[[:digit:]]x", "7x", "ignore"],
  ["[[:what:]]x", "wx", undefined],
  ["[z-a]x", "zx", "ignore"],
  ["a\\", "a", undefined],
  ["trailing   ", "trailing", "ignore"],
  ["(a|b)+", "(a|b)+", "ignore"],
  ["*.log\n!keep.log", "keep.log", "keep"],
  ["!keep.log\n*.log", "keep.log", "ignore"],
] as const)("the pattern %j on %j", (text, path, decision) => {
  expect(parseIgnoreFile(text).decide(path, false)).toBe(decision);
});

test("a pattern with a slash at its end is about folders only", () => {
  const rules = parseIgnoreFile("out/");
  expect(rules.decide("out", true)).toBe("ignore");
  expect(rules.decide("out", false)).toBeUndefined();
});
