import { join } from "node:path";
import { loadConfiguration } from "../../shared/config/load.ts";
import { cleanEnvironment, DSTACK } from "../e2e/harness/programs.ts";
import type { Part } from "./bench.ts";
import { timeCommand, timeRepeatedly } from "./firstByte.ts";

const WARM_UP = 500;

/** What is used most, and nothing unusual. */
const TYPICAL = `type: task
name: train
python: "3.12"
env:
  - HF_TOKEN
  - EPOCHS=3
files:
  - train.py
commands:
  - pip install -r requirements.txt
  - python train.py --epochs $EPOCHS
ports: [6006]
volumes:
  - /mnt/cache:/root/.cache
resources:
  cpu: 8..
  memory: 64GB..
  gpu: H100:1..8
  shm_size: 16GB
max_duration: 12h
retry:
  on_events: [interruption]
  duration: 4h
fleets: [lab]
`;

/** Reading and checking a configuration: in a process that has done so before, and as a command. */
export const measureConfig = async ({ coordinator, report, count, dir }: Part): Promise<void> => {
  const read = () => loadConfiguration(TYPICAL, { path: "train.dstack.yml" });
  for (let run = 0; run < WARM_UP; run += 1) read();
  const times: number[] = [];
  for (let run = 0; run < count; run += 1) {
    const start = performance.now();
    read();
    times.push(performance.now() - start);
  }
  report.times("parse and check a configuration, warm", times);
  const file = join(dir, "train.dstack.yml");
  await Bun.write(file, TYPICAL);
  const env = cleanEnvironment(coordinator.home);
  const runs = await timeRepeatedly(count, () =>
    timeCommand([DSTACK, "config", "validate", file], "valid", { cwd: dir, env }),
  );
  report.times(
    "`dstack config validate`, start to exit",
    runs.map(({ endMs }) => endMs),
  );
};
