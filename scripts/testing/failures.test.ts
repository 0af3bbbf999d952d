import { expect, test } from "bun:test";
import { join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { failuresIn } from "./failures.ts";

test("failuresIn() tells what failed tests printed, and nothing of the others", async () => {
  using dir = tempDir();
  await Bun.write(
    join(dir.path, "a.test.ts"),
    `import { expect, test } from "bun:test";
     test("passes", () => console.error(6 * 111));
     test("fails", () => { console.error(7 * 111); expect(1).toBe(2); });
     test("hangs", () => new Promise(() => {}), 10);
     test.skip("is left out", () => {});
     test("says much", () => {
       for (let line = 0; line < 1_000; line++) console.error("line", line);
       throw new Error("x".repeat(10_000));
     });`,
  );
  const child = Bun.spawn([process.execPath, "test"], { cwd: dir.path, stdout: "ignore", stderr: "pipe" });
  const failures = failuresIn(await child.stderr.text());
  expect(failures).toHaveLength(3);
  const [first = "", hanging = "", second = ""] = failures;
  for (const part of ["777", "Expected: 2", "a.test.ts:3", "(fail) fails"]) expect(first).toContain(part);
  expect(first).not.toContain("666");
  expect(hanging).toMatch(/^\(fail\) hangs .*\n.*timed out after 10ms/);
  expect(second).toContain("error: xxx");
  expect(second.split("\n").length).toBeLessThanOrEqual(60);
  expect(second.length).toBeLessThan(60 * 501);
});

test("failuresIn() of a run without failures is empty", () => {
  expect(failuresIn("\na.test.ts:\n(pass) passes\n\n 1 pass\n")).toEqual([]);
  expect(failuresIn("")).toEqual([]);
});
