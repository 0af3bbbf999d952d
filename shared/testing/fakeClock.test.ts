import { expect, test } from "bun:test";
import { FakeClock } from "./fakeClock.ts";

test("advance() fires due timers in order, each at its own time, and not the cancelled ones", () => {
  const clock = new FakeClock(1000);
  const seen: string[] = [];
  clock.after(20, () => seen.push(`b@${clock.now()}`));
  clock.after(10, () => seen.push(`a@${clock.now()}`));
  clock.after(15, () => seen.push("cancelled"))();
  clock.advance(25);
  expect(seen).toEqual(["a@1010", "b@1020"]);
  expect(clock.now()).toBe(1025);
});
