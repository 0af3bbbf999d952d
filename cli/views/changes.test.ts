import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { FleetConfiguration } from "../../shared/config/fleet.ts";
import { TaskConfiguration } from "../../shared/config/task.ts";
import { memoryOutput } from "../testing/memoryOutput.ts";
import { renderChanges } from "./changes.ts";

const task = (more: object) => TaskConfiguration.parse({ type: "task", commands: ["echo"], ...more });
const change = (before: object, after: object) => renderChanges(memoryOutput().output, before, after);

describe("renderChanges()", () => {
  test("says what becomes of each property, as it may be written in a file", () => {
    expect(
      change(
        task({ max_duration: "1h", env: { A: "1", B: "2" }, resources: { gpu: "A100:1", memory: "8GB.." } }),
        task({
          max_duration: "2h",
          env: { A: "1", C: "3" },
          resources: { gpu: "H100:8", memory: "8GB.." },
          image: "cuda",
        }),
      ).split("\n"),
    ).toEqual([
      "  image: unset → cuda",
      "  env.C: unset → 3",
      "  env.B: 2 → unset",
      "  resources.gpu: A100:1 → H100:8",
      "  max_duration: 1h → 2h",
      "",
    ]);
  });

  test("ranges of nodes", () => {
    const fleet = (nodes: string) => FleetConfiguration.parse({ type: "fleet", name: "f", nodes });
    expect(change(fleet("0..4"), fleet("0..6"))).toBe("  nodes: 0..4 → 0..6\n");
  });

  test("commands, line by line", () => {
    const before = task({ commands: ["pip install -r requirements.txt", "python train.py", "echo done"] });
    const after = task({
      commands: ["pip install -r requirements.txt", "python train.py --lr 1", "echo done"],
    });
    expect(change(before, after).split("\n")).toEqual([
      "  commands:",
      "      pip install -r requirements.txt",
      "    - python train.py",
      "    + python train.py --lr 1",
      "      echo done",
      "",
    ]);
  });

  test("nothing of what is the same", () => {
    expect(change(task({}), task({}))).toBe("");
  });

  test("of two lists, both can be told from the lines", () => {
    const lists = fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 8 });
    fc.assert(
      fc.property(lists, lists, (before, after) => {
        const lines = change({ list: before }, { list: after }).split("\n").slice(1, -1);
        const marked = (marks: string) =>
          lines.filter((line) => marks.includes(line.charAt(4))).map((line) => line.slice(6));
        if (before.join() === after.join()) expect(lines).toEqual([]);
        else {
          expect(marked("- ")).toEqual(before);
          expect(marked("+ ")).toEqual(after);
        }
      }),
    );
  });
});
