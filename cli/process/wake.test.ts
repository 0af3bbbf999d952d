import { expect, test } from "bun:test";
import { FakeClock } from "../../shared/testing/fakeClock.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { watchWake } from "./wake.ts";

const watch = (sources: readonly (string | undefined)[] = ["10.0.0.1"]) => {
  const clock = new FakeClock(0);
  let [wakes, changes, looks] = [0, 0, 0];
  const network = {
    addresses: () => String(changes),
    source: async () => sources[Math.min(looks++, sources.length - 1)],
  };
  const watching = watchWake({ clock, url: "http://server" }, () => wakes++, network);
  return {
    clock,
    wakes: () => wakes,
    looks: () => looks,
    /** An address has come or gone. */
    change: async () => {
      changes += 1;
      const before = looks;
      clock.advance(1_000);
      await waitFor("the look", () => looks > before);
      // What was seen is thought about.
      await Promise.resolve();
      await Promise.resolve();
    },
    [Symbol.dispose]: () => watching[Symbol.dispose](),
  };
};

test("time that passes as it should is no sleep, and nothing is looked for", () => {
  using watched = watch();
  for (let second = 0; second < 100; second++) watched.clock.advance(1_000);
  expect([watched.wakes(), watched.looks()]).toEqual([0, 1]);
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

test("addresses that come and go are no change as long as the server is reached by the same one", async () => {
  using watched = watch(["10.0.0.1", "10.0.0.1", undefined, "10.0.0.1", "192.168.0.7"]);
  for (let n = 0; n < 3; n++) await watched.change();
  expect(watched.wakes()).toBe(0);
  await watched.change();
  expect(watched.wakes()).toBe(1);
});
