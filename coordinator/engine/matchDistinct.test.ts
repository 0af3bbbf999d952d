import { expect, test } from "bun:test";
import fc from "fast-check";
import { matchDistinct } from "./matchDistinct.ts";

test.each([
  [[], []],
  [[["a"]], ["a"]],
  [
    [["a", "b"], ["a"]],
    ["b", "a"],
  ],
  [[["a"], ["a"]], undefined],
  [
    [
      ["a", "b"],
      ["b", "c"],
      ["a", "b"],
    ],
    ["a", "c", "b"],
  ],
  [[["a"], []], undefined],
])("matchDistinct(%j)", (choices, expected) => {
  const found = matchDistinct(choices);
  if (expected === undefined) expect(found).toBeUndefined();
  else {
    expect(found).toHaveLength(expected.length);
    expect(new Set(found).size).toBe(expected.length);
    for (const [n, choice] of (found ?? []).entries()) expect(choices[n]).toContain(choice);
  }
});

/** Hall's theorem: an assignment exists exactly when no set of seekers has fewer choices than members. */
const exists = (choices: number[][]): boolean => {
  for (let set = 1; set < 2 ** choices.length; set++) {
    const members = choices.filter((_, n) => (set >> n) & 1);
    if (new Set(members.flat()).size < members.length) return false;
  }
  return true;
};

test("matchDistinct() finds an assignment whenever there is one", () => {
  fc.assert(
    fc.property(fc.array(fc.uniqueArray(fc.integer({ min: 0, max: 5 })), { maxLength: 6 }), (choices) => {
      const found = matchDistinct(choices);
      expect(found !== undefined).toBe(exists(choices));
      if (!found) return;
      expect(new Set(found).size).toBe(choices.length);
      for (const [n, choice] of found.entries()) expect(choices[n]).toContain(choice);
    }),
  );
});
