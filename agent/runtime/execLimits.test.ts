import { expect, test } from "bun:test";
import { checkExecSize } from "./execLimits.ts";

const fits =
  (argv: string[], env: Record<string, string> = {}) =>
  () =>
    checkExecSize(argv, env);
const LONGEST = "x".repeat(128 * 1024 - "A=".length - 1);

test("the kernel's bounds, to the byte (tried with a real exec below)", () => {
  expect(fits(["true"], { A: LONGEST })).not.toThrow();
  expect(fits(["true"], { A: `${LONGEST}x` })).toThrow("the variable A has 129 KiB");
  expect(fits(["sh", "-c", "x".repeat(128 * 1024)])).toThrow("its commands have 129 KiB");
  const many = Object.fromEntries(Array.from({ length: 17 }, (_, at) => [`V${at}`, "x".repeat(125_000)]));
  expect(fits(["true"], many)).toThrow("environment and commands have 2076 KiB together");
});

test("the kernel agrees", () => {
  const spawn = (value: string) => () => Bun.spawnSync(["/bin/true"], { env: { A: value } }).exitCode;
  expect(spawn(LONGEST)()).toBe(0);
  expect(spawn(`${LONGEST}x`)).toThrow("E2BIG");
});
