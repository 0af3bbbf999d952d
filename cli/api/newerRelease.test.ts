import { expect, test } from "bun:test";
import { FakeClock } from "../../shared/testing/fakeClock.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { contextOn } from "../testing/contextOn.ts";
import { memoryOutput } from "../testing/memoryOutput.ts";
import { noteRelease } from "./newerRelease.ts";

const open = (isTerminal = true) => {
  const dir = tempDir();
  const { output, text } = memoryOutput({ isTerminal });
  const clock = new FakeClock();
  return {
    text,
    clock,
    ctx: contextOn(memoryOutput().output, { err: output, clock, home: dir.path }),
    [Symbol.dispose]: () => dir[Symbol.dispose](),
  };
};

const SAID = "A new version of dstack is available: 1.2.10\n\n";

test("a newer release is told of once a day", () => {
  using place = open();
  noteRelease(place.ctx, "1.2.10", "1.2.9");
  noteRelease(place.ctx, "1.2.10", "1.2.9");
  expect(place.text()).toBe(SAID);
  place.clock.advance(86_400_000);
  noteRelease(place.ctx, "1.2.10", "1.2.9");
  expect(place.text()).toBe(SAID + SAID);
});

test.each([
  ["1.2.9", "1.2.9"],
  ["1.2.8", "1.2.9"],
  ["0.9.9", "1.0.0"],
  ["unknown", "1.0.0"],
])("%s is no news to %s", (theirs, ours) => {
  using place = open();
  noteRelease(place.ctx, theirs, ours);
  expect(place.text()).toBe("");
});

test("no program is told", () => {
  using place = open(false);
  noteRelease(place.ctx, "1.2.10", "1.2.9");
  expect(place.text()).toBe("");
});
