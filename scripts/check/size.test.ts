import { expect, test } from "bun:test";
import { findOversized } from "./size.ts";

test("findOversized() names a long file, and lets tests and short ones pass", () => {
  const long = "x\n".repeat(600);
  expect(findOversized("agent/a.ts", long).join()).toContain("agent/a.ts: 601 lines");
  expect(findOversized("agent/a.test.ts", long)).toEqual([]);
  expect(findOversized("agent/a.ts", "x\n")).toEqual([]);
});
