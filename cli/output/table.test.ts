import { describe, expect, test } from "bun:test";
import type { Output } from "../context.ts";
import { fit, renderProperties, renderTable } from "./table.ts";

const output = (columns: number | undefined, hasColour = false): Output => ({
  columns,
  hasColour,
  rows: undefined,
  isTerminal: columns !== undefined,
  write: () => {},
});

const columns = [{ title: "NAME", isWhole: true }, { title: "INSTANCE TYPE" }, { title: "", isWhole: true }];
const rows = [{ cells: ["train-night", "cpu=8 mem=32GB disk=500GB", "idle"] }, { cells: ["x", "-", ""] }];

describe("renderTable()", () => {
  test("sets columns two apart, begins rows with a space and ends them without one", () => {
    expect(renderTable(output(undefined), columns, rows)).toBe(
      [
        " NAME         INSTANCE TYPE",
        " train-night  cpu=8 mem=32GB disk=500GB  idle",
        " x            -",
        "",
      ].join("\n"),
    );
  });

  test("breaks cells between words where the line is too long", () => {
    expect(renderTable(output(35), columns, rows)).toBe(
      [
        " NAME         INSTANCE TYPE",
        " train-night  cpu=8 mem=32GB  idle",
        "              disk=500GB",
        " x            -",
        "",
      ].join("\n"),
    );
  });

  test("cuts what may not wrap only when there is no other way", () => {
    expect(renderTable(output(24), columns, rows)).toContain(" train…  cpu=8");
  });

  test("counts what a terminal shows, not characters", () => {
    const table = renderTable(
      output(undefined),
      [{ title: "A" }, { title: "B" }],
      [{ cells: ["日本", "x"] }],
    );
    expect(table).toBe(" A     B\n 日本  x\n");
  });

  test("colours cells after measuring them", () => {
    const table = renderTable(
      output(80, true),
      [{ title: "A" }],
      [{ cells: [{ text: "ok", style: "green" }] }],
    );
    expect(table).toContain("\x1b[32mok\x1b[0m");
  });

  test("prints the headings of an empty table", () => {
    expect(renderTable(output(80), columns, [])).toBe(" NAME  INSTANCE TYPE\n");
  });
});

test("renderProperties() has no heading", () => {
  expect(
    renderProperties(output(80), [
      ["Project", "main"],
      ["Idle duration", "5m"],
    ]),
  ).toBe(" Project        main\n Idle duration  5m\n");
});

test("fit() never gives more than is natural, nor less than the words of the heading", () => {
  const natural = [30, 12, 4];
  for (let available = 1; available < 60; available++) {
    const widths = fit(
      {
        natural,
        words: [10, 12, 4],
        columns: [{ title: "LONG HEADING" }, { title: "B", isWhole: true }, { title: "C" }],
      },
      available,
    );
    for (const [at, width] of widths.entries()) {
      expect(width).toBeLessThanOrEqual(natural[at] ?? 0);
      expect(width).toBeGreaterThanOrEqual([7, 1, 1][at] ?? 0);
    }
    const sum = widths.reduce((total, width) => total + width, 0);
    expect(sum <= Math.max(available, 9) || sum === 46).toBe(true);
  }
});
