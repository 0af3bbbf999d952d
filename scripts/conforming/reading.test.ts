import { expect, test } from "bun:test";
import { assertHas, assertInOrder } from "./expect.ts";
import { readTable } from "./table.ts";

test("a table is read by its headers, whatever is above and below", () => {
  const text = `Hint.

 NAME      INSTANCE TYPE  STATUS 
 one       p5 (1/2)       running
    job=0                 exited (0)

 NAME  more
`;
  expect(readTable(text, ["NAME", "INSTANCE TYPE", "STATUS"])).toEqual([
    { NAME: "one", "INSTANCE TYPE": "p5 (1/2)", STATUS: "running" },
    { NAME: "job=0", "INSTANCE TYPE": "", STATUS: "exited (0)" },
  ]);
  expect(() => readTable(text, ["NAME", "STATUS"])).toThrow("No table with the columns NAME, STATUS");
});

test("what is expected must be there, and only that", () => {
  const actual = { a: 1, list: [{ b: "text", c: null }], extra: true };
  assertHas(actual, { a: 1, list: [{ b: /^te/, c: undefined }], absent: undefined });
  expect(() => assertHas(actual, { a: 2 })).toThrow("it.a is 1, not 2");
  expect(() => assertHas(actual, { list: [] })).toThrow("not 0 elements");
  expect(() => assertHas(actual, { list: [{ b: /^x/ }] })).toThrow('it.list[0].b is "text", not /^x/');
  expect(() => assertHas(actual, { extra: undefined })).toThrow("should be unset");
  expect(() => assertHas(undefined, {})).toThrow("it is nothing, and no object");
});

test("parts of a text are looked for one behind the other", () => {
  assertInOrder("plan\n- a\ndone", ["plan", /^- a$/m, "done"]);
  expect(() => assertInOrder("done plan", ["plan", "done"])).toThrow("not in this place");
});
