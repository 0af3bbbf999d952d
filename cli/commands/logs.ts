import type { JobSubmission } from "../../shared/api/jobs.ts";
import type { Run } from "../../shared/api/runs.ts";
import type { WireTime } from "../../shared/api/scalars.ts";
import { isFinalRun } from "../../shared/states.ts";
import type { Api } from "../api/client.ts";
import { openApi } from "../api/open.ts";
import { getRun } from "../api/runs.ts";
import { defineCommand } from "../args/command.ts";
import { BadValue, flag, integer, one, text, value } from "../args/option.ts";
import { projectOption } from "../args/resolve.ts";
import { parseSince } from "../args/since.ts";
import { dumpLog } from "../attach/dump.ts";
import { openFeed, type RunFeed } from "../attach/feed.ts";
import { followLog } from "../attach/log.ts";
import { createOutage, type Outage } from "../attach/outage.ts";
import { followPages, printPages } from "../attach/pages.ts";
import { createPrinter } from "../attach/printer.ts";
import type { Context } from "../context.ts";

const naturalNumber = (given: string): number => {
  const number = integer(given);
  if (number < 0) throw new BadValue(`invalid value: '${given}' (must not be negative)`);
  return number;
};

const attempt = (given: string): number | "all" => (given === "all" ? given : naturalNumber(given));

export const command = defineCommand({
  description: `Print the output of a run that there is so far, byte by byte, and exit. With --follow go on until the job is over:
through lost connections, a server that starts again, and new attempts at the job.`,
  options: {
    project: projectOption,
    diagnose: flag("-d, --diagnose", "What the agent says about the job, instead of the job's own output"),
    follow: flag("-f, --follow", "Print what is still to come, too, until the job is over"),
    replica: value("--replica N", "The number of the replica (0)", integer),
    job: value("--job N", "The number of the job, that is of the node (0)", integer),
    since: value("--since TIME", "Only what is newer: seconds, 5m, 2h, or a time with an offset", text),
    tail: value("--tail N", "Only the last N lines of what there is", naturalNumber),
    timestamps: flag("-t, --timestamps", "Print the time (UTC) before each line"),
    attempt: value("--attempt N|all", "Of a job that was tried again: from 0 on (the latest)", attempt),
  },
  args: { name: one("RUN", "The name of the run", "anyRun") },
  run: async (ctx, { project, since, replica = 0, job = 0, name, ...shape }) => {
    const startTime = since === undefined ? undefined : parseSince(since, ctx.clock.now());
    const api = await openApi(ctx, { project });
    using interrupt = ctx.interrupts.listen();
    const run = await getRun(api, { name });
    const printing = print(ctx, {
      ...shape,
      api,
      run,
      place: { replica, job },
      startTime,
      signal: interrupt.signal,
    });
    // Ctrl-C: whatever is under way may fail when the process has left.
    const left = Promise.withResolvers<void>();
    interrupt.signal.addEventListener("abort", () => left.resolve(), { once: true });
    printing.catch(() => {});
    await Promise.race([left.promise, printing]);
  },
});

interface Place {
  readonly replica: number;
  readonly job: number;
}

interface Wish {
  readonly api: Api;
  readonly run: Run;
  readonly place: Place;
  readonly attempt: number | "all" | undefined;
  readonly diagnose: boolean;
  readonly follow: boolean;
  readonly timestamps: boolean;
  readonly startTime: WireTime | undefined;
  readonly tail: number | undefined;
  readonly signal: AbortSignal;
}

const print = async (ctx: Context, wish: Wish): Promise<void> => {
  const attempts = attemptsAt(wish.run, wish.place);
  if (attempts.length === 0 && wish.run.jobs.length > 0) return;
  const wanted = wish.attempt ?? attempts.length - 1;
  const chosen = wanted === "all" ? attempts : attempts.filter((_, at) => at === wanted);
  const isLatest = chosen.at(-1) === attempts.at(-1);
  if (!wish.follow || !isLatest) {
    for (const { id } of chosen) await dump(ctx, wish, id);
    return;
  }
  for (const { id } of chosen.slice(0, -1)) await dump(ctx, wish, id);
  const { api, run, signal } = wish;
  const outage = createOutage(ctx);
  await using feed = openFeed(ctx, { api, run, outage, signal });
  await followAttempts(ctx, wish, { feed, outage });
};

/** All attempts at a job, oldest first; none of a replica or job that there is not. */
const attemptsAt = (run: Run, { replica, job }: Place): readonly JobSubmission[] =>
  run.jobs.find(({ job_spec: spec }) => spec.replica_num === replica && spec.job_num === job)
    ?.job_submissions ?? [];

const dump = (ctx: Context, wish: Wish, submissionId: string): Promise<void> => {
  const { api, run, startTime, tail, timestamps, diagnose, signal } = wish;
  const at = { api, runName: run.run_spec.run_name ?? "", submissionId };
  if (!timestamps && !diagnose) return dumpLog(ctx, { ...at, begin: { startTime, tail } }, signal);
  return printPages({ ...at, startTime, diagnose }, createPrinter(ctx.out, { timestamps, tail }));
};

interface Following {
  readonly feed: RunFeed;
  readonly outage: Outage;
}

/** The latest attempt to its end, then the next one as long as there is another. */
const followAttempts = async (ctx: Context, wish: Wish, { feed, outage }: Following): Promise<void> => {
  let begin: Pick<Wish, "startTime" | "tail"> = wish;
  for (let shown: string | undefined; ; ) {
    const latest = () => attemptsAt(feed.run, wish.place).at(-1);
    await feed.until(() => latest()?.id !== shown || isOver(feed.run, latest()));
    const next = latest();
    if (!next || next.id === shown) return;
    shown = next.id;
    await followOne(ctx, { ...wish, ...begin }, { feed, outage, submissionId: shown });
    // What comes from now on is new, whatever was asked for of what there was.
    begin = { startTime: undefined, tail: undefined };
  }
};

/** No further attempt is to be expected. */
const isOver = (run: Run, latest: JobSubmission | undefined): boolean =>
  isFinalRun(run.status) || latest?.status === "done";

const followOne = (
  ctx: Context,
  { api, startTime, tail, timestamps, diagnose, signal }: Wish,
  following: Following & { readonly submissionId: string },
): Promise<void> => {
  const options = { api, ...following, signal };
  if (!timestamps && !diagnose) return followLog(ctx, { ...options, begin: { startTime, tail } }).print();
  return followPages(ctx, { ...options, startTime, diagnose }, createPrinter(ctx.out, { timestamps, tail }));
};
