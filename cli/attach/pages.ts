import type { JobSubmissionLogs, LogEvent, PollLogsRequest } from "../../shared/api/logs.ts";
import type { Run } from "../../shared/api/runs.ts";
import { isFinalJob } from "../../shared/states.ts";
import { answerOf, hasKeys, isListOf, isNullOr, isText } from "../api/answer.ts";
import { type Api, post } from "../api/client.ts";
import type { Context } from "../context.ts";
import { delayOn } from "../process/delayOn.ts";
import type { RunFeed } from "./feed.ts";
import { isPassing, type Outage } from "./outage.ts";
import type { Printer } from "./printer.ts";

const pageAnswer = answerOf<JobSubmissionLogs>(
  hasKeys({ logs: isListOf(hasKeys({ message: isText })), next_token: isNullOr(isText) }),
);

/** Events that one answer may hold at most. */
const PAGE = 1000;
const POLL_MS = 1_000;

export interface PageWish {
  readonly api: Api;
  readonly runName: string;
  readonly submissionId: string;
  readonly startTime?: string | undefined;
  readonly diagnose?: boolean;
}

const getPage = (wish: PageWish, token: string | null): Promise<JobSubmissionLogs> => {
  const body: PollLogsRequest = {
    run_name: wish.runName,
    job_submission_id: wish.submissionId,
    start_time: wish.startTime ?? null,
    end_time: null,
    descending: false,
    next_token: token,
    limit: PAGE,
    diagnose: wish.diagnose ?? false,
  };
  return post(wish.api, { path: `${wish.api.project}/logs/poll`, body, answer: pageAnswer });
};

/** Where a reader of pages stands: the last page that was asked for, and how much of it has been printed. */
interface Position {
  token: string | null;
  /** Events, and bytes of the last of them: it may have grown when the page is asked for again. */
  printed: number;
  lastBytes: number;
}

const start = (): Position => ({ token: null, printed: 0, lastBytes: 0 });

const newOf = (events: readonly LogEvent[], { printed, lastBytes }: Position): LogEvent[] => {
  const last = events[printed - 1];
  const grown = last && Buffer.from(last.message, "base64").subarray(lastBytes);
  const rest = last && grown && grown.length > 0 ? [{ ...last, message: grown.toString("base64") }] : [];
  return [...rest, ...events.slice(printed)];
};

/** Prints what is stored, and no more. */
export const printPages = async (wish: PageWish, printer: Printer): Promise<void> => {
  await advance(start(), wish, printer);
  printer.caughtUp();
};

/** Prints what there is beyond a position, and moves it. The last page grows, so that it is asked for again. */
const advance = async (position: Position, wish: PageWish, printer: Printer): Promise<void> => {
  for (;;) {
    const page = await getPage(wish, position.token);
    printer.print(newOf(page.logs, position));
    position.printed = page.logs.length;
    position.lastBytes = Buffer.byteLength(page.logs.at(-1)?.message ?? "", "base64");
    if ((page.next_token ?? null) === null || page.next_token === position.token) return;
    Object.assign(position, { ...start(), token: page.next_token });
  }
};

interface FollowPages {
  readonly api: Api;
  readonly feed: RunFeed;
  readonly outage: Outage;
  readonly submissionId: string;
  readonly signal: AbortSignal;
  readonly startTime?: string | undefined;
  readonly diagnose?: boolean;
}

/** For servers without `logs/stream`, and where times are wanted: asks for what is new until the submission is over. */
export const followPages = async (ctx: Context, options: FollowPages, printer: Printer): Promise<void> => {
  const { api, feed, outage, submissionId, signal, startTime, diagnose = false } = options;
  const wish = { api, runName: feed.run.run_spec.run_name ?? "", submissionId, startTime, diagnose };
  const position = start();
  for (;;) {
    // Looked at before the pages: what is printed after the end was seen is everything.
    const isOver = hasEnded(feed.run, submissionId);
    try {
      await advance(position, wish, printer);
      outage.over("log");
      printer.caughtUp();
      if (isOver) return;
      await delayOn(ctx.clock, POLL_MS, signal);
    } catch (err) {
      if (signal.aborted || !isPassing(err)) throw err;
      await outage.pause("log", signal);
    }
    signal.throwIfAborted();
  }
};

const hasEnded = (run: Run, submissionId: string): boolean => {
  const submission = run.jobs.flatMap((job) => job.job_submissions).find(({ id }) => id === submissionId);
  return !submission || isFinalJob(submission.status);
};
