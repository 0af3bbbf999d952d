import { expect, test } from "bun:test";
import { z } from "zod";
import { Uuid, Uuid4, WireTime } from "../../shared/api/scalars.ts";
import { referencePlace, referenceText } from "./referenceTexts.ts";

const said = (schema: z.ZodType, input: unknown) => {
  const [issue] = schema.safeParse(input).error?.issues ?? [];
  if (!issue) throw new Error("Nothing is wrong with it");
  const { type, msg } = referenceText(issue, input) ?? {};
  return [type, msg];
};

const items = (n: number) => Array.from({ length: n }, () => "x");

// As the stock server 0.22.5 answered.
const CASES: [schema: z.ZodType, input: unknown, type: string, msg: string][] = [
  [z.string(), 1, "string_type", "Input should be a valid string"],
  [z.boolean(), [], "bool_type", "Input should be a valid boolean"],
  [z.number(), "x", "float_type", "Input should be a valid number"],
  [z.number().int(), [], "float_type", "Input should be a valid number"],
  [
    z.number().int(),
    1.5,
    "int_from_float",
    "Input should be a valid integer, got a number with a fractional part",
  ],
  [z.array(z.string()), "x", "list_type", "Input should be a valid list"],
  [
    z.object({}),
    [],
    "model_attributes_type",
    "Input should be a valid dictionary or object to extract fields from",
  ],
  [z.number().max(100), 101, "less_than_equal", "Input should be less than or equal to 100"],
  [z.number().min(1), 0, "greater_than_equal", "Input should be greater than or equal to 1"],
  [z.array(z.string()).min(1), [], "too_short", "List should have at least 1 item after validation, not 0"],
  [
    z.array(z.string()).max(16),
    items(17),
    "too_long",
    "List should have at most 16 items after validation, not 17",
  ],
  [z.string().min(2), "x", "string_too_short", "String should have at least 2 characters"],
  [z.enum(["admin", "user"]), "king", "enum", "Input should be 'admin' or 'user'"],
  [z.enum(["a", "b", "c"]), "d", "enum", "Input should be 'a', 'b' or 'c'"],
  [z.literal("task"), "x", "literal_error", "Input should be 'task'"],
  [z.string().regex(/^[a-z]*$/), "A", "string_pattern_mismatch", "String should match pattern '^[a-z]*$'"],
  [Uuid, "x", "uuid_parsing", "Input should be a valid UUID"],
  [Uuid4, "00000000-0000-1000-8000-000000000000", "uuid_version", "UUID version 4 expected"],
  [WireTime, "x", "datetime_from_date_parsing", "Input should be a valid datetime or date"],
];

test.each(CASES)("%# is told in the reference's words", (schema, input, type, msg) => {
  expect(said(schema, input)).toEqual([type, msg]);
});

test("behind a configuration stands which form it has", () => {
  const body = (configuration: unknown) => ({ run_spec: { configuration } });
  const path = ["run_spec", "configuration", "ports", 0];
  expect(referencePlace(path, body({ type: "task" }))).toEqual([
    "run_spec",
    "configuration",
    "task",
    "ports",
    0,
  ]);
  expect(
    referencePlace(["configuration", "size"], { configuration: { type: "volume", backend: "aws" } }),
  ).toEqual(["configuration", "aws", "size"]);
  for (const other of [{ type: "fleet" }, { type: "nope" }, null, "x", {}])
    expect(referencePlace(path, body(other))).toEqual(path);
  expect(referencePlace(["run_spec", "configuration"], body({ type: "task" }))).toEqual([
    "run_spec",
    "configuration",
  ]);
});
