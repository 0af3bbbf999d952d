import type { Run } from "../../shared/api/runs.ts";
import type { Api } from "../api/client.ts";
import { openApi } from "../api/open.ts";
import { getRun } from "../api/runs.ts";
import { defineCommand } from "../args/command.ts";
import { flag, integer, one, text, value } from "../args/option.ts";
import { projectOption } from "../args/resolve.ts";
import { parseSince } from "../args/since.ts";
import { dumpLog } from "../attach/dump.ts";
import { openFeed } from "../attach/feed.ts";
import { followLog } from "../attach/log.ts";
import { createOutage } from "../attach/outage.ts";
import { printPages } from "../attach/pages.ts";
import type { Context } from "../context.ts";

export const command = defineCommand({
  description: "Print the output of a run that there is so far, byte by byte, and exit.",
  options: {
    project: projectOption,
    diagnose: flag("-d, --diagnose", "What the agent says about the job, instead of the job's own output"),
    follow: flag("-f, --follow", "Print what is still to come, too, until the job is over"),
    replica: value("--replica N", "The number of the replica (0)", integer),
    job: value("--job N", "The number of the job, that is of the node (0)", integer),
    since: value("--since TIME", "Only what is newer: seconds, 5m, 2h, or a time with an offset", text),
  },
  exclusive: [
    ["follow", "diagnose"],
    ["follow", "since"],
  ],
  args: { name: one("RUN", "The name of the run", "anyRun") },
  run: async (ctx, { project, diagnose, follow, replica = 0, job = 0, since, name }) => {
    const startTime = since === undefined ? undefined : parseSince(since, ctx.clock.now());
    const api = await openApi(ctx, { project });
    using interrupt = ctx.interrupts.listen();
    const run = await getRun(api, { name });
    const submissionId = findSubmission(run, replica, job);
    if (submissionId === undefined) return;
    const wish = { api, runName: name, submissionId };
    const { signal } = interrupt;
    const print = () => {
      if (follow) return printToTheEnd(ctx, { api, run, submissionId, signal });
      if (diagnose || startTime !== undefined) return printPages(ctx, { ...wish, startTime, diagnose });
      return dumpLog(ctx, wish, signal);
    };
    const printing = print();
    // Ctrl-C: whatever is under way may fail when the process has left.
    const left = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => left.resolve(), { once: true });
    printing.catch(() => {});
    await Promise.race([left.promise, printing]);
  },
});

interface Following {
  readonly api: Api;
  readonly run: Run;
  readonly submissionId: string;
  readonly signal: AbortSignal;
}

const printToTheEnd = async (ctx: Context, { api, run, submissionId, signal }: Following): Promise<void> => {
  const outage = createOutage(ctx);
  await using feed = openFeed(ctx, { api, run, outage, signal });
  await followLog(ctx, { api, feed, outage, submissionId, signal }).print();
};

/** The newest attempt at that job; undefined for a replica or job that there is not. */
const findSubmission = (run: Run, replica: number, job: number): string | undefined =>
  run.jobs
    .find(({ job_spec: spec }) => spec.replica_num === replica && spec.job_num === job)
    ?.job_submissions.at(-1)?.id;
