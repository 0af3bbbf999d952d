/** Many changed configurations: no crash, no hang, no pollution, no memory kept. */
import { expect, test } from "bun:test";
import { fuzzConfigurations } from "../../shared/testing/fuzzConfigurations.ts";

/** A hundred thousand with `DSTACK_E2E_LONG=1`, which takes a minute and a half. */
const FILES = process.env["DSTACK_E2E_LONG"] ? 100_000 : 20_000;
const BATCHES = 10;

test(`${FILES} changed configurations are read or refused`, () => {
  const heapAfter: number[] = [];
  let slowest = 0;
  for (let batch = 0; batch < BATCHES; batch += 1) {
    slowest = Math.max(slowest, fuzzConfigurations(FILES / BATCHES, 1000 + batch).slowestMs);
    Bun.gc(true);
    heapAfter.push(process.memoryUsage().heapUsed);
  }
  expect(slowest).toBeLessThan(2000);
  const [first = 0] = heapAfter;
  expect(Math.max(...heapAfter) - first).toBeLessThan(64 * 1024 * 1024);
}, 600_000);
