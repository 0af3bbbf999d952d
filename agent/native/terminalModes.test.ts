import { expect, test } from "bun:test";
import { closeSync } from "node:fs";
import fc from "fast-check";
import { openTerminal } from "./terminal.ts";
import { changeModes, freshModes, sttyWords, type TerminalModes } from "./terminalModes.ts";

const SIZE = { cols: 80, rows: 24 };

/** What stty(1) says of a terminal with these modes, or with what it has itself been told to do to a fresh one. */
const shown = (modes: TerminalModes, words: readonly string[] = []): string => {
  const terminal = openTerminal({ ...SIZE, modes });
  const slave = terminal.openSlave();
  const stty = (...args: string[]) => {
    const { stdout, stderr } = Bun.spawnSync(["stty", ...args], { stdin: slave });
    return `${stdout}${stderr}`;
  };
  try {
    return (words.length > 0 ? stty(...words) : "") + stty("-a");
  } finally {
    closeSync(slave);
    terminal.close();
  }
};

test("flags, characters and the speed are as they were wished for; the rest is as ever", () => {
  const wish = new Map([
    [1, 2],
    [3, 8],
    [6, 255],
    [38, 0],
    [42, 1],
    [53, 0],
    [129, 9600],
  ]);
  const text = shown(wish);
  expect(text).toContain("speed 9600 baud; rows 24; columns 80;");
  expect(text).toContain("intr = ^B; quit = ^\\; erase = ^H; kill = ^U; eof = ^D; eol = <undef>;");
  for (const flag of ["-ixon", "iutf8", "-echo", "icanon", "onlcr", "cs8"])
    expect(text.split(/\s/)).toContain(flag);
  expect(sttyWords(wish)).toEqual(
    ["-ixon iutf8 -echo", "intr ^B erase ^H", "ospeed 9600 ispeed 9600"].join(" ").split(" "),
  );
});

test("what no Linux knows changes nothing", () => {
  const modes = freshModes();
  changeModes(modes, new Map([0, 11, 15, 17, 43, 90, 128, 129, 200].map((mode) => [mode, 77])));
  expect(modes).toEqual(freshModes());
  expect(sttyWords(new Map())).toEqual([]);
});

test("stty, told in words, does the same as the kernel", () => {
  expect(shown(new Map())).toBe(shown(new Map([[53, 1]])));
  const character = fc.tuple(
    fc.constantFrom(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14),
    fc.nat({ max: 255 }),
  );
  const flag = fc.tuple(
    // Not those that stty knows by one name in one direction alone, or that Linux keeps to itself for a terminal.
    fc.constantFrom(
      30,
      31,
      33,
      34,
      35,
      36,
      37,
      38,
      39,
      40,
      41,
      42,
      50,
      51,
      52,
      53,
      54,
      55,
      56,
      57,
      58,
      59,
      60,
      61,
    ),
    fc.nat({ max: 1 }),
  );
  const out = fc.tuple(fc.constantFrom(70, 71, 72, 73, 74, 75), fc.nat({ max: 1 }));
  const speed = fc.tuple(
    fc.constant(129),
    fc.constantFrom(0, 50, 9600, 38400, 57600, 115200, 4000000, 12345),
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(character, flag, out, speed)), (list) => {
      const modes = new Map(list);
      expect(shown(new Map(), sttyWords(modes))).toBe(shown(modes));
    }),
    { numRuns: 40 },
  );
});
