import type { Run } from "../../shared/api/runs.ts";
import { openApi } from "../api/open.ts";
import { getRun } from "../api/runs.ts";
import { defineCommand } from "../args/command.ts";
import { flag, integer, one, text, value } from "../args/option.ts";
import { projectOption } from "../args/resolve.ts";
import { parseSince } from "../args/since.ts";
import { dumpLog } from "../attach/dump.ts";
import { printPages } from "../attach/pages.ts";

export const command = defineCommand({
  description: "Print the output of a run that there is so far, byte by byte, and exit.",
  options: {
    project: projectOption,
    diagnose: flag("-d, --diagnose", "What the agent says about the job, instead of the job's own output"),
    replica: value("--replica N", "The number of the replica (0)", integer),
    job: value("--job N", "The number of the job, that is of the node (0)", integer),
    since: value("--since TIME", "Only what is newer: seconds, 5m, 2h, or a time with an offset", text),
  },
  args: { name: one("RUN", "The name of the run", "anyRun") },
  run: async (ctx, { project, diagnose, replica = 0, job = 0, since, name }) => {
    const startTime = since === undefined ? undefined : parseSince(since, ctx.clock.now());
    const api = await openApi(ctx, { project });
    using interrupt = ctx.interrupts.listen();
    const submissionId = findSubmission(await getRun(api, { name }), replica, job);
    if (submissionId === undefined) return;
    const wish = { api, runName: name, submissionId };
    const printing =
      diagnose || startTime !== undefined
        ? printPages(ctx, { ...wish, startTime, diagnose })
        : dumpLog(ctx, wish, interrupt.signal);
    // Ctrl-C: whatever is under way may fail when the process has left.
    const left = Promise.withResolvers<void>();
    interrupt.signal.addEventListener("abort", () => left.resolve(), { once: true });
    await Promise.race([printing, left.promise]);
  },
});

/** The newest attempt at that job; undefined for a replica or job that there is not. */
const findSubmission = (run: Run, replica: number, job: number): string | undefined =>
  run.jobs
    .find(({ job_spec: spec }) => spec.replica_num === replica && spec.job_num === job)
    ?.job_submissions.at(-1)?.id;
