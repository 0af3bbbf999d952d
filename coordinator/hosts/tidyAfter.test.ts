import { expect, test } from "bun:test";
import { FakeClock } from "../../shared/testing/fakeClock.ts";
import { tidyAfter } from "./tidyAfter.ts";

const start = () => {
  const clock = new FakeClock();
  const seen = { tidied: 0 };
  const call = tidyAfter(async (ends: Promise<string>) => await ends, {
    clock,
    tidy: () => {
      seen.tidied += 1;
    },
  });
  const many = (count: number) =>
    Promise.all(Array.from({ length: count }, () => call(Promise.resolve("in"))));
  return { clock, seen, call, many };
};

test("many calls are tidied up after, once, when it has been quiet", async () => {
  const { clock, seen, many } = start();
  expect(await many(10)).toEqual(Array(10).fill("in"));
  clock.advance(14_999);
  expect(seen.tidied).toBe(0);
  clock.advance(1);
  expect(seen.tidied).toBe(1);
  await many(9);
  clock.advance(60_000);
  expect(seen.tidied).toBe(1);
  await many(1);
  clock.advance(15_000);
  expect(seen.tidied).toBe(2);
});

test("nobody is kept waiting while one is under way, and one that fails is over too", async () => {
  const { clock, seen, call, many } = start();
  await many(20);
  const last = Promise.withResolvers<string>();
  const failing = call(last.promise).catch((err: unknown) => err);
  clock.advance(60_000);
  expect(seen.tidied).toBe(0);
  last.reject(new Error("no such host"));
  expect(await failing).toEqual(new Error("no such host"));
  clock.advance(15_000);
  expect(seen.tidied).toBe(1);
});
