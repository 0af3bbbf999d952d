import { isFinalRun } from "../../shared/states.ts";
import type { Runtime } from "../e2e/harness/system.ts";
import { type Part, runtimesOf } from "./bench.ts";
import { timeRepeatedly } from "./firstByte.ts";
import { configurationOf, measureRun, type RunTimes, submitRun, watchRun } from "./runPath.ts";
import { formatMs, percentile } from "./stats.ts";

export const measureRuns = async (part: Part): Promise<void> => {
  const { coordinator, report, count } = part;
  for (const runtime of runtimesOf(part)) {
    const runs = await timeRepeatedly(count, (at) =>
      measureRun(coordinator, runtime, `bench-run-${runtime}-${at}`),
    );
    const row = (what: string, pick: (run: RunTimes) => number) =>
      report.times(`${what} (${runtime})`, runs.map(pick));
    row("apply request → running at a watching client", ({ running }) => running);
    row("apply request → first byte at a following client", ({ firstByte }) => firstByte);
    row("last instruction of the command → final at a watching client", ({ ended, final }) => final - ended);
    reportShares(part, runtime, runs);
  }
};

/** Where the time to the first byte goes, by the medians of its steps. */
const reportShares = ({ report }: Part, runtime: Runtime, runs: readonly RunTimes[]): void => {
  const median = (pick: (run: RunTimes) => number) => percentile(runs.map(pick), 0.5);
  const steps = [
    ["request answered", median(({ answered }) => answered)],
    [
      "claim, preparation and start, until the command's first instruction",
      median(({ started, answered }) => started - answered),
    ],
    ["output to the following client", median(({ firstByte, started }) => firstByte - started)],
  ] as const;
  const total = steps.reduce((sum, [, ms]) => sum + ms, 0);
  const shares = steps.map(
    ([name, ms]) => `${name} ${formatMs(ms)} ms (${Math.round((ms / total) * 100)} %)`,
  );
  report.note(`To the first byte, ${runtime}: ${shares.join(", ")}`);
};

export const measureStops = async (part: Part): Promise<void> => {
  const { coordinator, report, count } = part;
  const { client } = coordinator;
  for (const runtime of runtimesOf(part)) {
    const times = await timeRepeatedly(count, async (at) => {
      const name = `bench-stop-${runtime}-${at}`;
      await submitRun(coordinator, configurationOf(runtime, name, ["sleep 600"]));
      await client.waitForRun(name, ({ status }) => status === "running");
      let finalAt = Number.NaN;
      const watched = watchRun(coordinator, name, ({ status }) => {
        if (isFinalRun(status)) finalAt = performance.now();
      });
      const startedAt = performance.now();
      await client.post("runs/stop", { runs_names: [name], abort: false });
      await watched;
      return finalAt - startedAt;
    });
    report.times(`stop request → final at a watching client (${runtime})`, times);
  }
};
