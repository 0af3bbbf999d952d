import { describe, expect, test } from "bun:test";
import { FakeClock } from "../../shared/testing/fakeClock.ts";
import { contextOn } from "../testing/contextOn.ts";
import { memoryOutput } from "../testing/memoryOutput.ts";
import { progressLine, sizeText, startProgress } from "./progress.ts";

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;

describe("progressLine()", () => {
  const half = { done: GIB, total: 2 * GIB, speed: 128 * MIB };

  test("draws a bar, and says how fast it goes and for how long", () => {
    const bar = `${"━".repeat(15)}${"─".repeat(15)}`;
    expect(progressLine("Uploading", half, 76)).toBe(`Uploading ${bar} 50% of 2.0GB at 128MB/s, 8s left`);
  });

  test("leaves out the bar, then the pace, then the label where they do not fit", () => {
    expect(progressLine("Uploading", half, 45)).toBe("Uploading 50% of 2.0GB");
    expect(progressLine("Uploading", half, 24)).toBe("50% of 2.0GB");
  });

  test("never breaks the line", () => {
    for (let columns = 20; columns < 200; columns++)
      expect(Bun.stringWidth(progressLine("Uploading", half, columns))).toBeLessThan(columns - 2);
  });

  test("says no more than it knows", () => {
    const line = progressLine("Uploading", { ...half, speed: undefined }, 38);
    expect(line).toBe("Uploading ━━━━━━────── 50% of 2.0GB");
  });
});

test.each([
  [999, "999B"],
  [1000, "1.0KB"],
  [10 * 1024, "10KB"],
  [1.5 * GIB, "1.5GB"],
  [2000 * GIB, "2.0TB"],
])("%d bytes are %s", (bytes, text) => {
  expect(sizeText(bytes)).toBe(text);
});

describe("startProgress()", () => {
  test("is drawn ten times a second, however often it is told, and gone at the end", () => {
    const clock = new FakeClock();
    const { output, text } = memoryOutput({ columns: 80, isTerminal: true });
    {
      using progress = startProgress(contextOn(output, { clock }), "Uploading code");
      expect(text()).toContain("Uploading code...");
      for (let at = 1; at <= 1000; at++) progress.report(at, 2000);
      clock.advance(100);
      expect(text().match(/Uploading/g)).toHaveLength(2);
      expect(text()).toContain("50% of 2.0KB\x1b[K");
    }
    expect(text()).toEndWith("\x1b[1A\r\x1b[J");
  });

  test("tells the speed of the last seconds", () => {
    const clock = new FakeClock();
    const { output, text } = memoryOutput({ columns: 80, isTerminal: true });
    using progress = startProgress(contextOn(output, { clock }), "Uploading code");
    for (let at = 1; at <= 20; at++) {
      progress.report(at * MIB, 100 * MIB);
      clock.advance(100);
    }
    expect(text()).toEndWith("20% of 100MB at 10MB/s, 8s left\x1b[K\n\x1b[J");
  });

  test("prints nothing into a pipe, nor on a terminal that cannot move its cursor", () => {
    for (const [isTerminal, TERM] of [
      [false, "xterm"],
      [true, "dumb"],
    ] as const) {
      const { output, text } = memoryOutput({ isTerminal });
      using progress = startProgress(contextOn(output, { env: { TERM } }), "Uploading code");
      progress.report(1, 2);
      expect(text()).toBe("");
    }
  });
});
