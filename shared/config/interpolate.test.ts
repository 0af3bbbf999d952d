import { describe, expect, test } from "bun:test";
import { Refusal } from "../schema/refusal.ts";
import { goldenList } from "../testing/golden.ts";
import { interpolate, type Variables } from "./interpolate.ts";

interface Case {
  kind: string;
  input: string;
  vars: Variables;
  keep?: string[];
  ok: boolean;
  parsed: unknown;
}

const cases = (goldenList("values.json") as Case[]).filter(({ kind }) => kind === "interpolation");

describe("interpolate() as the reference", () => {
  test.each(cases)("$input $keep", ({ input, vars, keep = [], ok, parsed }) => {
    if (ok) expect<unknown>(interpolate(input, vars, keep)).toBe(parsed);
    else expect(() => interpolate(input, vars, keep)).toThrow(Refusal);
  });
});

test("interpolate() names everything that is missing", () => {
  const text = ["A", "B", "C"].map((name) => `\${{ env.${name} }}`).join(" ");
  expect(() => interpolate(text, { env: { B: "" } })).toThrow(/env\.A, env\.C/);
});
