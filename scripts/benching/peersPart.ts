import { mkdirSync } from "node:fs";
import { TEST_IMAGE } from "../e2e/harness/image.ts";
import type { Part } from "./bench.ts";
import { timeCommand, timeRepeatedly } from "./firstByte.ts";
import { startSlurm } from "./slurm.ts";

export const measurePeers = async ({ engine, report, count, dir, say }: Part): Promise<void> => {
  mkdirSync(dir);
  if (engine) {
    const command = ["docker", "--host", engine.address, "run", "--rm", TEST_IMAGE, "echo", "first-line"];
    const times = await timeRepeatedly(count, () => timeCommand(command, "first-line"));
    report.times(
      "`docker run --rm`, start → first line",
      times.map(({ firstMs }) => firstMs),
    );
    report.times(
      "`docker run --rm`, start → exit",
      times.map(({ endMs }) => endMs),
    );
  }
  const slurm = await startSlurm(dir, say);
  if ("reason" in slurm) {
    report.note(`Slurm was left out: ${slurm.reason}`);
    return;
  }
  await using _ended = slurm;
  const times = await timeRepeatedly(count, () =>
    timeCommand(["srun", "echo", "first-line"], "first-line", { cwd: dir, env: slurm.env }),
  );
  report.times(
    "Slurm `srun`, start → first line",
    times.map(({ firstMs }) => firstMs),
  );
};
