import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  choice,
  decimal,
  flag,
  integer,
  list,
  one,
  optional,
  requiredValue,
  rest,
  text,
  value,
} from "./option.ts";
import { parse, UsageError } from "./parse.ts";

const options = {
  yes: flag("-y, --yes", ""),
  detach: flag("-d, --detach", ""),
  name: value("-n, --name NAME", "", text),
  noName: flag("--no-name", ""),
  env: list("-e, --env KEY", "", text),
  last: value("--last N", "", integer),
  price: value("--price P", "", decimal),
  format: choice("--format F", "", ["plain", "json"]),
};
const grammar = { options, args: {}, exclusive: [["name", "noName"]] };

const valuesOf = (argv: readonly string[]): unknown => {
  const parsed = parse(argv, grammar);
  if (parsed.kind === "help") return "help";
  const given = Object.entries(parsed.values).filter(([key, each]) => each !== options[key as "yes"].absent);
  return {
    ...Object.fromEntries(given),
    ...(parsed.unrecognized.length > 0 && { unrecognized: parsed.unrecognized }),
  };
};

describe("parse() reads", () => {
  test.each([
    [[], {}],
    [["-y"], { yes: true }],
    [["-yd"], { yes: true, detach: true }],
    [["-ydnbob"], { yes: true, detach: true, name: "bob" }],
    [["-n", "bob"], { name: "bob" }],
    [["-nbob"], { name: "bob" }],
    [["-n=bob"], { name: "bob" }],
    [["--name", "bob"], { name: "bob" }],
    [["--name=bob"], { name: "bob" }],
    [["--name="], { name: "" }],
    [["--na", "bob"], { name: "bob" }],
    [["--name", "a", "--name", "b"], { name: "b" }],
    [["-e", "A=1", "-eB=2", "--env=C=3"], { env: ["A=1", "B=2", "C=3"] }],
    [["--last", "-1"], { last: -1 }],
    [["--price", "-.5"], { price: -0.5 }],
    [["--name", "- a b"], { name: "- a b" }],
    [["--name", "-"], { name: "-" }],
    [["--format", "json"], { format: "json" }],
    [["-h"], "help"],
    [["--he"], "help"],
    [["-yh"], "help"],
    [["--last", "x", "-h"], "usage"],
    [["--nope", "-y"], { yes: true, unrecognized: ["--nope"] }],
    [["-yz"], { yes: true, unrecognized: ["-z"] }],
    [["word"], { unrecognized: ["word"] }],
    [["--", "-y"], { unrecognized: ["-y"] }],
  ] as const)("%j", (argv, expected) => {
    if (expected === "usage") expect(() => valuesOf(argv)).toThrow(UsageError);
    else expect(valuesOf(argv)).toEqual(expected);
  });
});

describe("parse() refuses", () => {
  test.each([
    [["--name"], "argument -n/--name: expected one argument"],
    [["--name", "-y"], "argument -n/--name: expected one argument"],
    [["-n"], "argument -n/--name: expected one argument"],
    [["--yes=1"], "argument -y/--yes: ignored explicit argument '1'"],
    [["--n", "x"], "ambiguous option: --n could match --name, --no-name"],
    [["--last", "1.5"], "argument --last: invalid int value: '1.5'"],
    [["--price", "much"], "argument --price: invalid float value: 'much'"],
    [["--format", "xml"], "argument --format: invalid choice: 'xml' (choose from 'plain', 'json')"],
    [["--no-name", "--name", "x"], "argument -n/--name: not allowed with argument --no-name"],
  ])("%j", (argv, message) => {
    expect(() => parse(argv, grammar)).toThrow(new UsageError(message));
  });

  test("a missing required option or argument, all of them at once", () => {
    const strict = {
      options: { url: requiredValue("--url URL", "", text) },
      args: { run: one("RUN", "") },
      exclusive: [],
    };
    expect(() => parse([], strict)).toThrow("the following arguments are required: --url, RUN");
  });
});

test("parse() hands words to the arguments in order, and what is left to the last one", () => {
  const args = { run: one("RUN", ""), other: optional("OTHER", ""), more: rest("MORE", "") };
  const parsed = parse(["a", "-y", "b", "c", "--", "-n", "--yes"], { options, args, exclusive: [] });
  expect(parsed).toMatchObject({
    values: { run: "a", other: "b", more: ["c", "-n", "--yes"], yes: true },
    unrecognized: [],
  });
});

test("parse() either understands a command line or refuses it, whatever it is", () => {
  const word = fc.oneof(
    fc.constantFrom(
      "-y",
      "-yd",
      "--",
      "-n",
      "--name",
      "--last",
      "3",
      "-e",
      "x=y",
      "--na=1",
      "-",
      "--format",
      "-h",
    ),
    fc.string({ maxLength: 6 }),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 8 }), (argv) => {
      try {
        const parsed = parse(argv, grammar);
        if (parsed.kind === "values")
          expect(Object.keys(parsed.values).sort()).toEqual(Object.keys(options).sort());
      } catch (err) {
        expect(err).toBeInstanceOf(UsageError);
      }
    }),
  );
});

test("parse() gives back every value that is attached with =", () => {
  fc.assert(fc.property(fc.string(), (name) => expect(valuesOf([`--name=${name}`])).toEqual({ name })));
});
