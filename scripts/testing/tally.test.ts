import { expect, test } from "bun:test";
import { join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { type BunTest, readTally, sumTallies, tallyLine } from "./tally.ts";

const runBunTest = async (dir: string): Promise<BunTest> => {
  const outfile = join(dir, "report.xml");
  const child = Bun.spawn([process.execPath, "test", "--reporter=junit", `--reporter-outfile=${outfile}`], {
    cwd: dir,
    stdout: "ignore",
    stderr: "pipe",
  });
  const stderr = await child.stderr.text();
  const exitCode = await child.exited;
  return {
    stderr,
    junit: await Bun.file(outfile)
      .text()
      .catch(() => ""),
    exitCode,
  };
};

test("readTally() counts what bun reports, and names what failed and what was skipped", async () => {
  using dir = tempDir();
  await Bun.write(
    join(dir.path, "a.test.ts"),
    `import { describe, expect, test } from "bun:test";
     test("passes <&> \\"quoted\\"", () => {});
     test("fails", () => { expect(1).toBe(2); });
     describe.skip("engine [needs dockerd]", () => { test("pulls", () => {}); });
     describe("group", () => { test("also passes", () => {}); });`,
  );
  const tally = readTally(await runBunTest(dir.path));
  expect(tally).toEqual({
    passed: 2,
    failed: ["a.test.ts: fails"],
    failures: [expect.stringContaining("(fail) fails")],
    skipped: ["a.test.ts: engine [needs dockerd] > pulls"],
  });
  expect(tallyLine(sumTallies([tally, tally]))).toBe("4 passed, 2 failed, 2 skipped");
});

test("a file that does not load is a failure", async () => {
  using dir = tempDir();
  await Bun.write(join(dir.path, "a.test.ts"), `import { test } from "bun:test"; test("passes", () => {});`);
  await Bun.write(join(dir.path, "b.test.ts"), `import "./absent.ts";`);
  expect(readTally(await runBunTest(dir.path))).toMatchObject({ failed: [expect.any(String)] });
  expect(tallyLine(readTally({ junit: "", exitCode: 1, stderr: "" }))).toBe("0 passed, 1 failed");
});
