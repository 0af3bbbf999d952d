import { expect, test } from "bun:test";
import { FakeClock } from "../../shared/testing/fakeClock.ts";
import { watchWake } from "./wake.ts";

const watch = (addresses: () => readonly string[] = () => []) => {
  const clock = new FakeClock(0);
  let wakes = 0;
  const watching = watchWake(clock, () => wakes++, addresses);
  return { clock, wakes: () => wakes, [Symbol.dispose]: () => watching[Symbol.dispose]() };
};

test("time that passes as it should is no sleep", () => {
  using watched = watch();
  for (let second = 0; second < 100; second++) watched.clock.advance(1_000);
  expect(watched.wakes()).toBe(0);
});

test("a sleep is noticed once, at the first tick after it", () => {
  using watched = watch();
  watched.clock.advance(1_500);
  // Timers stand still while a machine sleeps; its clock does not.
  watched.clock.jump(60_000);
  watched.clock.advance(1_000);
  expect(watched.wakes()).toBe(1);
  for (let second = 0; second < 10; second++) watched.clock.advance(1_000);
  expect(watched.wakes()).toBe(1);
});

test("an address that has gone is a change of network, a new one is not", () => {
  let addresses = ["10.0.0.1"];
  using watched = watch(() => addresses);
  addresses = ["10.0.0.1", "172.17.0.1"];
  watched.clock.advance(1_000);
  expect(watched.wakes()).toBe(0);
  addresses = ["192.168.0.7", "172.17.0.1"];
  watched.clock.advance(1_000);
  expect(watched.wakes()).toBe(1);
});
