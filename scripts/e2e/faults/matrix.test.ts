/** A few cells of the fault matrix; `./scripts/faults` plays all of them. */
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { describeWith } from "../harness/requirements.ts";
import { NEEDS } from "../harness/system.ts";
import { type Cell, playCell, whyLeftOut } from "./matrix/cell.ts";
import { openStage, type Stage } from "./matrix/stage.ts";

const CELLS: readonly Cell[] = [
  { fault: "kill -9 agent", moment: "pulling" },
  { fault: "kill -9 coordinator", moment: "starting" },
  { fault: "clock +1 h", moment: "running, with much output" },
  { fault: "disk full", moment: "running, with much output" },
  { fault: "Docker restart", moment: "running, with much output" },
  { fault: "host reboot", moment: "running, with much output" },
  { fault: "coordinator cut off", moment: "stopping" },
];

for (const runtime of ["process", "docker"] as const) {
  const needs = [
    ...NEEDS[runtime],
    "root",
    ...(runtime === "docker" ? (["registry"] as const) : []),
  ] as const;
  describeWith(needs, `faults, ${runtime} runtime`, () => {
    let stage: Stage;
    beforeAll(async () => {
      stage = await openStage(runtime);
    }, 90_000);
    afterAll(() => stage[Symbol.asyncDispose]());
    beforeEach(() => stage.system.ensureUp());

    for (const cell of CELLS) {
      const name = `${cell.fault}, ${cell.moment}`;
      const why = whyLeftOut(cell, runtime);
      if (why !== undefined) {
        test.skip(`${name} [${why}]`, () => {});
        continue;
      }
      test(name, async () => {
        expect(await playCell(stage, cell)).toMatchObject({ problems: [] });
      }, 120_000);
    }
  });
}
