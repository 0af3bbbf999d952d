import { expect, test } from "bun:test";
import { newToken } from "./tokens.ts";

test("no token looks like an option of a command line", () => {
  const begins = Array.from({ length: 2_000 }, () => newToken("").charAt(0));
  expect(begins).not.toContain("-");
});
