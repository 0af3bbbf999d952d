import { expect, test } from "bun:test";
import { FakeClock } from "../../shared/testing/fakeClock.ts";
import { contextOn } from "../testing/contextOn.ts";
import { memoryOutput } from "../testing/memoryOutput.ts";
import { withProgress } from "./withProgress.ts";

test("what is said meanwhile stands above the progress, which goes on with what it knew", async () => {
  const clock = new FakeClock();
  const { output, text } = memoryOutput({ columns: 60, isTerminal: true });
  const ctx = contextOn(output, { clock });
  const done = await withProgress(ctx, "Uploading data", async (inner, report) => {
    report(1, 2);
    inner.err.write("Lost the connection\n");
    clock.advance(100);
    return "done";
  });
  expect(done).toBe("done");
  const [before = "", after = ""] = text().split("Lost the connection\n");
  expect(before).toEndWith("\x1b[1A\r\x1b[J");
  expect(after).toContain("50% of 2B");
  expect(after).toEndWith("\x1b[1A\r\x1b[J");
});
