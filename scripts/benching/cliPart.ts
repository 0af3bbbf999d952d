import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { cleanEnvironment, DSTACK } from "../e2e/harness/programs.ts";
import { type Part, runtimesOf } from "./bench.ts";
import { timeCommand, timeRepeatedly } from "./firstByte.ts";
import { configurationOf } from "./runPath.ts";

export const measureCli = async (part: Part): Promise<void> => {
  const { coordinator, report, count, dir } = part;
  mkdirSync(dir);
  const env = cleanEnvironment(coordinator.home);
  const time = (args: readonly string[], text: string) =>
    timeCommand([DSTACK, ...args], text, { cwd: dir, env });
  const version = await timeRepeatedly(count, () => time(["--version"], "."));
  report.times(
    "`dstack --version`, start to exit",
    version.map(({ endMs }) => endMs),
  );
  const ps = await timeRepeatedly(count, () => time(["ps"], "NAME"));
  report.times(
    "`dstack ps`, start to exit",
    ps.map(({ endMs }) => endMs),
  );
  for (const runtime of runtimesOf(part)) {
    const apply = await timeRepeatedly(count, async (at) => {
      const file = join(dir, `${runtime}.yml`);
      const name = `bench-apply-${runtime}-${at}`;
      await Bun.write(file, JSON.stringify(configurationOf(runtime, name, ["echo first-line"])));
      // The plan does not show commands, so the text appears with the job's output only.
      return time(["apply", "-y", "-f", file], "first-line");
    });
    report.times(
      `\`dstack apply -y\` start → first line printed (${runtime})`,
      apply.map(({ firstMs }) => firstMs),
    );
    report.times(
      `\`dstack apply -y\` start → exit, job and all (${runtime})`,
      apply.map(({ endMs }) => endMs),
    );
  }
};
