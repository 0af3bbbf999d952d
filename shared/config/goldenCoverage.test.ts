import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DIFFERENT, ELSEWHERE } from "../testing/differences.ts";
import { configurationCases } from "../testing/golden.ts";

const cases = configurationCases();

test("every golden file that is refused is refused here, or named with the reason", () => {
  const refusedElsewhere = cases.filter(({ name }) => name in ELSEWHERE);
  expect(refusedElsewhere.map(({ name }) => name)).toEqual(Object.keys(ELSEWHERE).sort());
  expect(refusedElsewhere.filter(({ expected }) => expected.valid || expected.stage === "parse")).toEqual([]);
});

test("docs/compatibility.md tells every difference", () => {
  const text = readFileSync(join(import.meta.dir, "../../docs/compatibility.md"), "utf8");
  expect(Object.keys(DIFFERENT).filter((name) => !text.includes(name))).toEqual([]);
});
