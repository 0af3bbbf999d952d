import { expect, test } from "bun:test";
import { FakeClock } from "../../shared/testing/fakeClock.ts";
import { WakeTimers } from "./wakeTimers.ts";

test("keys fire at their own time, in order; a later setting replaces an earlier one", () => {
  const clock = new FakeClock(0);
  const seen: string[] = [];
  const timers = new WakeTimers(clock, (key) => seen.push(`${key}@${clock.now()}`));
  timers.set("b", 30);
  timers.set("a", 10);
  timers.set("gone", 20);
  timers.set("gone", null);
  timers.set("b", 40);
  clock.advance(100);
  expect(seen).toEqual(["a@10", "b@40"]);
});

test("a key may be set again from its own call", () => {
  const clock = new FakeClock(0);
  const seen: number[] = [];
  const timers: WakeTimers = new WakeTimers(clock, (key) => {
    seen.push(clock.now());
    if (seen.length < 3) timers.set(key, clock.now() + 5);
  });
  timers.set("k", 5);
  clock.advance(50);
  expect(seen).toEqual([5, 10, 15]);
});

test("close() ends all waiting", () => {
  const clock = new FakeClock(0);
  let fired = 0;
  const timers = new WakeTimers(clock, () => fired++);
  timers.set("a", 5);
  timers.close();
  clock.advance(10);
  expect(fired).toBe(0);
});

test("a clock that is put forward or back wakes all that wait, so that they tell their moment anew", () => {
  const clock = new FakeClock(0);
  const seen: string[] = [];
  const at = { cron: 10 * HOUR_MS, other: 5 * HOUR_MS };
  const timers: WakeTimers = new WakeTimers(clock, (key) => {
    seen.push(`${key}@${clock.now()}`);
    const due = at[key as keyof typeof at];
    if (clock.now() < due) timers.set(key, due);
  });
  for (const [key, due] of Object.entries(at)) timers.set(key, due);
  clock.jump(9 * HOUR_MS);
  clock.advance(300_000);
  expect(seen).toEqual([`other@${9 * HOUR_MS + 300_000}`, `cron@${9 * HOUR_MS + 300_000}`]);
  clock.advance(HOUR_MS);
  expect(seen.at(-1)).toBe(`cron@${10 * HOUR_MS}`);
});

const HOUR_MS = 3_600_000;
