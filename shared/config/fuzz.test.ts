import { expect, test } from "bun:test";
import { fuzzConfigurations } from "../testing/fuzzConfigurations.ts";

// scripts/e2e/configFuzz.test.ts does the same with many more.
test("changed files are read or refused, and pollute nothing", () => {
  const prototypes = [Object.prototype, Array.prototype].map(
    (prototype) => Reflect.ownKeys(prototype).length,
  );
  const { files, valid, slowestMs } = fuzzConfigurations(4000, 1);
  expect(files).toBe(4000);
  expect(valid).toBeGreaterThan(100);
  // Nothing hangs: far more than any of them needs, on any machine.
  expect(slowestMs).toBeLessThan(2000);
  expect([Object.prototype, Array.prototype].map((prototype) => Reflect.ownKeys(prototype).length)).toEqual(
    prototypes,
  );
}, 60_000);
