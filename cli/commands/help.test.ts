import { describe, expect, test } from "bun:test";
import { type Entry, type Group, isGroup, type Leaf } from "../args/command.ts";
import { newPerson } from "../testing/runCli.ts";
import { commands } from "./table.ts";

const pathsOf = (entry: Entry, path: readonly string[]): { path: readonly string[]; entry: Entry }[] => [
  { path, entry },
  ...(isGroup(entry)
    ? Object.entries(entry.subcommands).flatMap(([name, each]) => pathsOf(each, [...path, name]))
    : []),
];
const all = pathsOf(commands, []);
const groups = all.filter((each): each is { path: readonly string[]; entry: Group } => isGroup(each.entry));
const leaves = all.filter((each): each is { path: readonly string[]; entry: Leaf } => !isGroup(each.entry));

describe("--help", () => {
  test.each(all.map(({ path }) => path.join(" ")))("dstack %s --help", async (line) => {
    using person = newPerson();
    const path = line.split(" ").filter(Boolean);
    const { code, out, err } = await person.run([...path, "--help"]);
    expect(out).toStartWith(`usage: ${["dstack", ...path].join(" ")} [-h]`);
    expect([code, err]).toEqual([0, ""]);
    expect((await person.run([...path, "-h"])).out).toBe(out);
  });

  test.each(groups)("$path names each of its commands", async ({ path, entry }) => {
    using person = newPerson();
    const { out } = await person.run([...path, "--help"]);
    for (const [name, { summary }] of Object.entries(entry.subcommands)) {
      expect(out).toMatch(new RegExp(`^ {2}${name} +${RegExp.escape(summary)}$`, "m"));
    }
  });
});

describe.each(leaves)("the command $path", ({ path, entry }) => {
  test("tells each option and argument, and keys stand for options in exclusive sets", async () => {
    using person = newPerson();
    const { command } = await entry.load();
    const helps = await Promise.all(
      [[], ...Object.keys(command.topics).map((topic) => [topic])].map((topic) =>
        person.run([...path, "--help", ...topic]),
      ),
    );
    const out = helps.map((each) => each.out).join("\n");
    const longs = Object.values(command.options).map((option) => option.long);
    const shorts = Object.values(command.options).flatMap((option) => option.short ?? []);
    for (const word of [...longs, ...shorts]) expect(out).toContain(word);
    expect(new Set(longs).size).toBe(longs.length);
    expect(new Set(shorts).size).toBe(shorts.length);
    expect([...longs, ...shorts]).not.toContain("-h");
    for (const set of command.exclusive) expect(Object.keys(command.options)).toContainValues([...set]);
    for (const positional of Object.values(command.args)) expect(out).toContain(positional.metavar);
    // Whatever says something about options says it without a full stop, as a label does.
    for (const option of Object.values(command.options)) expect(option.help).not.toMatch(/\w\.$/);
  });

  test("refuses options that nobody knows, on stdout and with exit code 1", async () => {
    using person = newPerson();
    const { command } = await entry.load();
    const required = Object.values(command.options).flatMap((option) =>
      option.required ? [option.long, "x"] : [],
    );
    const words = Object.values(command.args).map((positional) => positional.choices?.[0] ?? "word");
    const { code, out, err } = await person.run([...path, ...required, ...words, "--no-such", "it's"]);
    expect(out).toStartWith("Unrecognized arguments: --no-such");
    expect([code, err]).toEqual([1, ""]);
  });
});
