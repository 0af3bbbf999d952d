import { expect, test } from "bun:test";
import { FakeClock } from "../testing/fakeClock.ts";
import { Periodic } from "./periodic.ts";

test("it works at once and every so often, never twice at a time, and goes on after a failure", async () => {
  const clock = new FakeClock();
  const turns: PromiseWithResolvers<void>[] = [];
  const failures: unknown[] = [];
  const periodic = new Periodic({
    clock,
    everyMs: 100,
    work: () => {
      const turn = Promise.withResolvers<void>();
      turns.push(turn);
      return turn.promise;
    },
    failed: (err) => void failures.push(err),
  });
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  clock.advance(250);
  expect(turns).toHaveLength(1);
  turns[0]?.reject("no");
  await settled();
  clock.advance(50);
  expect([turns.length, failures]).toEqual([2, ["no"]]);
  const closed = periodic.close();
  turns[1]?.resolve();
  await closed;
  clock.advance(1_000);
  expect(turns).toHaveLength(2);
});

test("whoever closes it tells the work, and waits for it", async () => {
  const clock = new FakeClock();
  let told = false;
  const work = (signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => {
        told = true;
        resolve();
      });
    });
  const periodic = new Periodic({ clock, everyMs: 100, work, failed: () => {} });
  clock.advance(0);
  await periodic.close();
  expect(told).toBe(true);
});
