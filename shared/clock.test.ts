import { expect, test } from "bun:test";
import { systemClock } from "./clock.ts";

test.each([2 ** 31 - 1, 2 ** 31, 2 ** 53])("systemClock.after(%p) does not fire at once", async (ms) => {
  const fired: string[] = [];
  const cancel = systemClock.after(ms, () => fired.push("the long one"));
  // A timer that overflows is due in a millisecond, so it would be before this one.
  await new Promise<void>((resolve) => {
    systemClock.after(20, () => {
      fired.push("the short one");
      resolve();
    });
  });
  cancel();
  expect(fired).toEqual(["the short one"]);
});

test("systemClock.after() of the past fires, and a cancelled one does not", async () => {
  const fired: string[] = [];
  systemClock.after(-5, () => fired.push("past"));
  systemClock.after(1, () => fired.push("cancelled"))();
  await new Promise<void>((resolve) => {
    systemClock.after(10, resolve);
  });
  expect(fired).toEqual(["past"]);
});
