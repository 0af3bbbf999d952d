import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import type { Scale } from "../loading/part.ts";
import { PARTS, type PartName } from "../loading/parts.ts";
import { runLoad } from "../loading/run.ts";
import { describeWith } from "./harness/requirements.ts";

const SMALL: Scale = {
  most: 40,
  middle: 20,
  growth: [20, 40],
  jobs: 60,
  history: 50,
  idleSeconds: 1,
  latencySeconds: 1,
  growthSeconds: 1,
  growthJobs: 20,
  questions: 5,
  questionSeconds: 0.2,
};

describeWith(["programs"], "./scripts/load", () => {
  test("every part of the load bench measures; nothing is lost when the coordinator is killed under its agents", async () => {
    using dir = tempDir();
    const parts = Object.keys(PARTS) as PartName[];
    const lines: string[] = [];
    const figures = await runLoad({ parts, scale: SMALL, dir: dir.path, say: (line) => lines.push(line) });
    const table = figures.render();
    expect(table).not.toContain("failed:");
    expect(table).toContain("killed with 40 agents and 20 running jobs");
    expect(table).toMatch(/0 lost, 0 started twice/);
    figures.writePlots(join(dir.path, "plots"));
    const plots = readdirSync(join(dir.path, "plots")).filter((name) => name.endsWith(".svg"));
    expect(plots.sort()).toEqual(["growth.svg", "latency.svg", "rss.svg"]);
  }, 120_000);
});
