import { join } from "node:path";
import { loadConfiguration } from "../../shared/config/load.ts";
import { EXAMPLES } from "../docs/examples.ts";
import { cleanEnvironment, DSTACK } from "../e2e/harness/programs.ts";
import type { Part } from "./bench.ts";
import { timeCommand, timeRepeatedly } from "./firstByte.ts";

const WARM_UP = 500;

/** Reading and checking a configuration: in a process that has done so before, and as a command. */
export const measureConfig = async ({ coordinator, report, count, dir }: Part): Promise<void> => {
  const read = () => loadConfiguration(EXAMPLES.task, { path: "train.dstack.yml" });
  for (let run = 0; run < WARM_UP; run += 1) read();
  const times: number[] = [];
  for (let run = 0; run < count; run += 1) {
    const start = performance.now();
    read();
    times.push(performance.now() - start);
  }
  report.times("parse and check a configuration, warm", times);
  const file = join(dir, "train.dstack.yml");
  await Bun.write(file, EXAMPLES.task);
  const env = cleanEnvironment(coordinator.home);
  const runs = await timeRepeatedly(count, () =>
    timeCommand([DSTACK, "config", "validate", file], "valid", { cwd: dir, env }),
  );
  report.times(
    "`dstack config validate`, start to exit",
    runs.map(({ endMs }) => endMs),
  );
};
