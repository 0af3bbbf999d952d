import { expect, test } from "bun:test";
import { LogQuota } from "./logQuota.ts";

test("what fits is kept, the rest is dropped with one notice, and the next hour begins anew", () => {
  let now = 1_000_000;
  const quota = new LogQuota({ perHour: 10, now: () => now });
  expect(quota.take(8)).toEqual({ kept: 8 });
  expect(quota.take(8)).toEqual({ kept: 2, notice: "output over 10 bytes in an hour is dropped" });
  expect(quota.take(8)).toEqual({ kept: 0 });
  now += 3_600_000;
  expect(quota.take(10)).toEqual({ kept: 10 });
  expect(quota.take(1)).toMatchObject({ kept: 0, notice: expect.any(String) });
  now -= 7_200_000;
  expect(quota.take(1)).toEqual({ kept: 1 });
});

test("0 is no bound, absent is the agent's own", () => {
  expect(new LogQuota({ perHour: 0 }).take(1e15)).toEqual({ kept: 1e15 });
  expect(new LogQuota({ perHour: null }).take(2 ** 30 + 1)).toMatchObject({ kept: 2 ** 30 });
});
