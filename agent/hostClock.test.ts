import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { silentLogger } from "../shared/log.ts";
import { FakeClock } from "../shared/testing/fakeClock.ts";
import { tempDir } from "../shared/testing/tempDir.ts";
import { type HostTime, openHostClock, uptimeMs } from "./hostClock.ts";

const HOUR_MS = 3_600_000;

const setUp = () => {
  const dir = tempDir();
  const machine = new FakeClock();
  const path = join(dir.path, "clock");
  const boot = (bootId: string, bootedAt = machine.steady()): HostTime => ({
    bootId,
    uptimeMs: () => machine.steady() - bootedAt,
    wallMs: () => machine.now(),
    after: (ms, fire) => machine.after(ms, fire),
  });
  const open = (time: HostTime) => openHostClock(path, time, silentLogger);
  return { machine, path, boot, open, [Symbol.dispose]: () => dir[Symbol.dispose]() };
};

test("a clock that is put forward or back changes nothing, also for the next process of the agent", () => {
  using t = setUp();
  const time = t.boot("one");
  const first = t.open(time);
  const start = first.now();
  expect(first.isSameBoot).toBe(false);
  t.machine.jump(-HOUR_MS);
  t.machine.advance(1_000);
  expect(first.now()).toBe(start + 1_000);
  t.machine.jump(5 * HOUR_MS);
  const next = t.open(time);
  expect(next.isSameBoot).toBe(true);
  expect(next.now()).toBe(start + 1_000);
});

test("a start of the host begins anew, by the clock as it is then", () => {
  using t = setUp();
  t.open(t.boot("one"));
  t.machine.advance(1_000);
  t.machine.jump(HOUR_MS);
  const next = t.open(t.boot("two"));
  expect(next.isSameBoot).toBe(false);
  expect(next.now()).toBe(t.machine.now());
});

test("a note that is damaged counts as none", () => {
  using t = setUp();
  writeFileSync(t.path, '{"boot_id"');
  expect(t.open(t.boot("one")).isSameBoot).toBe(false);
});

test("a host that slept is late by no more than one look", () => {
  using t = setUp();
  let sleptMs = 0;
  const time = t.boot("one");
  const clock = t.open({ ...time, uptimeMs: () => time.uptimeMs() + sleptMs });
  const fired: number[] = [];
  clock.after(600_000, () => fired.push(t.machine.steady()));
  t.machine.advance(60_000);
  sleptMs = 8 * HOUR_MS;
  t.machine.advance(5_000);
  expect(fired).toHaveLength(1);
});

test("a timer fires once at its time, and not when it was cancelled", () => {
  using t = setUp();
  const clock = t.open(t.boot("one"));
  const fired: number[] = [];
  clock.after(12_345, () => fired.push(t.machine.steady()));
  const cancel = clock.after(20_000, () => fired.push(-1));
  t.machine.advance(15_000);
  cancel();
  t.machine.advance(60_000);
  expect(fired).toEqual([12_345]);
});

test("the host's own time passes", () => {
  expect(uptimeMs()).toBeGreaterThan(0);
});
