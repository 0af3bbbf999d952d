import type { Job } from "../../shared/api/jobs.ts";
import type { Run } from "../../shared/api/runs.ts";
import { AppError } from "../../shared/errors.ts";
import { isFinalRun } from "../../shared/states.ts";
import type { Api } from "../api/client.ts";
import { endingLines, exitCodeOf } from "../apply/ending.ts";
import { isUp, waitingText } from "../apply/phase.ts";
import type { Context } from "../context.ts";
import { startLive } from "../output/live.ts";
import { printMessage } from "../output/message.ts";
import { hourAndMinute } from "../output/time.ts";
import type { JobPorts } from "../tunnel/jobPorts.ts";
import { renderRuns } from "../views/runs.ts";
import { openFeed } from "./feed.ts";
import { createOutage } from "./outage.ts";

export interface WantedJob {
  /** Undefined: any that runs, else the lowest. */
  readonly replica: number | undefined;
  readonly job: number;
}

/** The job that is meant. Throws where the run has none such (docs/spec/cli.md §6.1). */
export const jobOf = (run: Run, { replica, job }: WantedJob): Job => {
  const fitting = run.jobs
    .filter(
      ({ job_spec: spec }) => spec.job_num === job && spec.replica_num === (replica ?? spec.replica_num),
    )
    .sort((a, b) => a.job_spec.replica_num - b.job_spec.replica_num);
  const found = fitting.find((one) => one.job_submissions.at(-1)?.status === "running") ?? fitting[0];
  if (found) return found;
  throw new AppError("not_found", `Failed to find replica=${replica ?? "<any running>"} job=${job}`);
};

interface Staying {
  readonly api: Api;
  readonly run: Run;
  readonly wanted: WantedJob;
  readonly ports: JobPorts;
}

/** Keeps the job's ports here until the run is over, or Ctrl-C. Returns the exit code. */
export const stayAttached = async (ctx: Context, { api, run, wanted, ports }: Staying): Promise<number> => {
  using interrupt = ctx.interrupts.listen();
  const { signal } = interrupt;
  using live = startLive(ctx, waitingText(run));
  const follow = (next: Run) => {
    const submission = jobOf(next, wanted).job_submissions.at(-1);
    if (submission) ports.follow(submission.id);
  };
  const onChange = (next: Run) => {
    live.show(waitingText(next), renderRuns(ctx.out, [next], { isVerbose: false, time: hourAndMinute }));
    follow(next);
  };
  await using feed = openFeed(ctx, { api, run, outage: createOutage(ctx), signal, onChange });
  follow(run);
  try {
    const up = await feed.until(isUp);
    live[Symbol.dispose]();
    if (!isFinalRun(up.status)) ctx.out.write(`${attachedText(up, { wanted, ports })}\n`);
    const ended = await feed.until((next) => isFinalRun(next.status));
    for (const line of endingLines(ended)) printMessage(ctx.out, line);
    return exitCodeOf(ended);
  } catch (err) {
    if (!signal.aborted) throw err;
    ctx.out.write("\nDetached\n");
    return 0;
  }
};

const attachedText = (run: Run, { wanted, ports }: Pick<Staying, "wanted" | "ports">): string => {
  const { replica_num: replica, job_num: job } = jobOf(run, wanted).job_spec;
  return [
    `Attached to run ${run.run_spec.run_name} (replica=${replica} job=${job})`,
    ...ports.lines(),
    "Press Ctrl+C to detach...",
  ].join("\n");
};
