import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { IntegralFloat } from "../schema/scalar.ts";
import { goldenList } from "../testing/golden.ts";
import { parseYaml, YamlSyntaxError } from "./parse.ts";

interface Case {
  kind: string;
  input: string;
  ok: boolean;
  parsed: unknown;
}

/** As the golden data writes what JSON lacks. */
const golden = (value: unknown): unknown => {
  if (value instanceof Date) return { date: value.toISOString().slice(0, 10) };
  if (value instanceof IntegralFloat) return value.value;
  if (typeof value !== "number" || Number.isFinite(value)) return value;
  return { float: Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf" };
};

const cases = (goldenList("values.json") as Case[]).filter(({ kind }) => kind === "yaml");

describe("parseYaml() as the reference", () => {
  test.each(cases)("$input", ({ input, ok, parsed }) => {
    const read = () => (parseYaml(`key:\n  ${input}\n`).value as { key: unknown }).key;
    if (ok) expect(golden(read())).toEqual(parsed);
    else expect(read).toThrow(YamlSyntaxError);
  });
});

describe("parseYaml()", () => {
  test("reads an empty text as nothing", () => {
    for (const text of ["", "\n", "# only a comment\n", "---\n"]) expect(parseYaml(text).value).toBeNull();
  });

  test("merges mappings, the own keys and the first source last", () => {
    const text = "a: &a {x: 1, y: 1}\nb: &b {x: 2, z: 2}\nc: {y: 3, <<: [*a, *b]}\n";
    expect(parseYaml(text).value).toMatchObject({ c: { x: 1, y: 3, z: 2 } });
  });

  test("keeps a key that is called __proto__ to itself", () => {
    const { value } = parseYaml("{__proto__: {polluted: true}, a: 1}");
    expect(Object.keys(value as object)).toEqual(["__proto__", "a"]);
    expect("polluted" in {}).toBe(false);
  });

  test("says where a property stands", () => {
    const { locate } = parseYaml("type: task\nresources:\n  gpu: bad\nports: [80, 81]\nenv:\n");
    expect(locate(["resources", "gpu"])).toMatchObject({ line: 3, column: 8 });
    expect(locate(["resources", "gpu"], "key")).toMatchObject({ line: 3, column: 3 });
    expect(locate(["resources", "gpu", "count"])).toMatchObject({ line: 3, column: 8 });
    expect(locate(["resources", "cpu"])).toMatchObject({ line: 2, column: 1 });
    expect(locate(["ports", 1])).toMatchObject({ line: 4, column: 13 });
    expect(locate(["env"])).toMatchObject({ line: 5, column: 1 });
    expect(locate(["absent"])).toMatchObject({ line: 1, column: 1 });
  });

  test.each([
    ["a: [1", 1],
    ["a: 1\nb: *nowhere", 2],
    ["a: &a [*a]", 1],
    ["a: 1\n---\nb: 1", 2],
    ["a:\n\t- x", 2],
    ["a: !!python/object:os.system [x]", 1],
    ["a: 2026-02-31", 1],
    ["a: 1\n<<: 2", 2],
    ["{[a]: 1}", 1],
  ])("refuses %j, telling the line", (text, line) => {
    expect(() => parseYaml(text)).toThrow(YamlSyntaxError);
    try {
      parseYaml(text);
    } catch (err) {
      expect((err as YamlSyntaxError).position.line).toBe(line);
    }
  });

  test("refuses a bomb of aliases without expanding it", () => {
    const levels = Array.from(
      { length: 30 },
      (_, i) => `l${i + 1}: &l${i + 1} [${Array(10).fill(`*l${i}`).join(", ")}]`,
    );
    expect(() => parseYaml(["l0: &l0 lol", ...levels].join("\n"))).toThrow(/More than 100000 values/);
  });

  test.each([
    ["flow lists", "[".repeat(50_000)],
    ["flow mappings", "{a: ".repeat(50_000)],
    ["block lists", `${"- ".repeat(50_000)}x`],
    ["too much text", "x".repeat(1024 * 1024 + 1)],
  ])("refuses %s that go too far", (_, text) => {
    expect(() => parseYaml(text)).toThrow(YamlSyntaxError);
  });

  test("gives a value or a YamlSyntaxError for any text", () => {
    const token = fc.constantFrom(
      ..."a b 1 - : , [ ] { } & * ! | > ' \" # % @ ` ? ~ << = &a *a !!str --- ... \\ \t \n".split(" "),
      "\n  ",
      "\n",
      " ",
      ": ",
      "- ",
    );
    const text = fc.oneof(
      fc.array(token, { maxLength: 40 }).map((parts) => parts.join("")),
      fc.string({ unit: "binary" }),
    );
    fc.assert(
      fc.property(text, (input) => {
        try {
          const { value, locate } = parseYaml(input);
          expect(locate(["a", 0]).line).toBeGreaterThan(0);
          expect(value).not.toBeUndefined();
        } catch (err) {
          expect(err).toBeInstanceOf(YamlSyntaxError);
          expect((err as YamlSyntaxError).position.line).toBeGreaterThan(0);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
