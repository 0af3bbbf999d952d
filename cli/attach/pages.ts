import type { JobSubmissionLogs, LogEvent, PollLogsRequest } from "../../shared/api/logs.ts";
import type { Run } from "../../shared/api/runs.ts";
import { isFinalJob } from "../../shared/states.ts";
import { answerOf, hasKeys, isListOf, isNullOr, isText } from "../api/answer.ts";
import { type Api, post } from "../api/client.ts";
import type { Context } from "../context.ts";
import { delayOn } from "../process/delayOn.ts";
import type { RunFeed } from "./feed.ts";

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

const printEvents = (ctx: Context, events: readonly LogEvent[]): void => {
  for (const { message } of events) ctx.out.write(Buffer.from(message, "base64"));
};

/** Where a reader of pages stands: the last page that was asked for, and how much of it has been printed. */
interface Position {
  readonly token: string | null;
  readonly printed: number;
}

const START: Position = { token: null, printed: 0 };

/** Prints what is stored from a position on. The last page grows, so that it is asked for again the next time. */
export const printPages = async (ctx: Context, wish: PageWish, from: Position = START): Promise<Position> => {
  let { token, printed } = from;
  for (;;) {
    const page = await getPage(wish, token);
    printEvents(ctx, page.logs.slice(printed));
    if ((page.next_token ?? null) === null || page.next_token === token)
      return { token, printed: page.logs.length };
    token = page.next_token;
    printed = 0;
  }
};

interface FollowPages {
  readonly api: Api;
  readonly feed: RunFeed;
  readonly submissionId: string;
  readonly signal: AbortSignal;
  readonly startTime?: string | undefined;
  readonly diagnose?: boolean;
}

/** For servers without `logs/stream`: asks for what is new until the submission is over. */
export const followPages = async (ctx: Context, options: FollowPages): Promise<void> => {
  const { api, feed, submissionId, signal, startTime, diagnose = false } = options;
  const wish = { api, runName: feed.run.run_spec.run_name ?? "", submissionId, startTime, diagnose };
  let position = START;
  for (;;) {
    // Looked at before the pages: what is printed after the end was seen is everything.
    const isOver = hasEnded(feed.run, submissionId);
    position = await printPages(ctx, wish, position);
    if (isOver) return;
    await delayOn(ctx.clock, POLL_MS, signal);
    signal.throwIfAborted();
  }
};

const hasEnded = (run: Run, submissionId: string): boolean => {
  const submission = run.jobs.flatMap((job) => job.job_submissions).find(({ id }) => id === submissionId);
  return !submission || isFinalJob(submission.status);
};
