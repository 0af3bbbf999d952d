import { LOG_OFFSET_HEADER, type StreamLogsRequest } from "../../shared/api/logs.ts";
import type { Run } from "../../shared/api/runs.ts";
import { isFinalJob } from "../../shared/states.ts";
import { type Api, postForStream } from "../api/client.ts";
import { isUnknownRoute } from "../api/refusal.ts";
import type { Context } from "../context.ts";
import type { RunFeed } from "./feed.ts";
import { readBytes } from "./lines.ts";
import { type LogBegin, placeOf } from "./logBegin.ts";
import { isPassing, type Outage } from "./outage.ts";
import { followPages } from "./pages.ts";
import { createPrinter } from "./printer.ts";

interface FollowOptions {
  readonly api: Api;
  readonly feed: RunFeed;
  readonly outage: Outage;
  readonly submissionId: string;
  readonly signal: AbortSignal;
  readonly begin?: LogBegin;
}

/** The output of one submission, to be printed when its time has come. */
export interface FollowedLog {
  readonly submissionId: string;
  /** Prints everything there is and will be, each byte once; resolves when the output is complete. */
  print(): Promise<void>;
}

/**
 * Asks for the output at once, so that nothing has to be waited for when it may be printed. A lost connection is
 * replaced by one that begins at the first byte not yet printed.
 */
export const followLog = (ctx: Context, options: FollowOptions): FollowedLog => {
  const { feed, outage, submissionId, signal, begin = {} } = options;
  /** The next byte to be printed; undefined while the server has not said with which one it begins. */
  let offset: number | undefined;
  let attempt = open(options, offset);

  const print = async (): Promise<void> => {
    for (;;) {
      try {
        if (!(await isUnknown(attempt))) {
          outage.over("log");
          for await (const piece of piecesOf(attempt, offset)) {
            ctx.out.write(piece.bytes);
            offset = piece.end;
          }
          // An end is the end only if the server is still there to say that the job is over.
          if (await isOver(feed, submissionId, attempt.connection)) return;
        } else {
          const printer = createPrinter(ctx.out, { tail: begin.tail });
          return await followPages(ctx, { ...options, startTime: begin.startTime }, printer);
        }
      } catch (err) {
        if (signal.aborted || !isCutOff(err, attempt)) throw err;
        await outage.pause("log", signal);
      }
      signal.throwIfAborted();
      attempt = open(options, offset);
    }
  };
  return { submissionId, print };
};

interface Attempt {
  readonly response: Promise<Response>;
  /** Of the feed, when this was opened. */
  readonly connection: AbortSignal;
  readonly signal: AbortSignal;
}

const open = (
  { api, feed, submissionId, signal: parent, begin = {} }: FollowOptions,
  offset: number | undefined,
): Attempt => {
  const { connection } = feed;
  const signal = AbortSignal.any([parent, connection]);
  const body: StreamLogsRequest = {
    run_name: feed.run.run_spec.run_name ?? "",
    job_submission_id: submissionId,
    ...placeOf(offset, begin),
    follow: true,
  };
  const response = postForStream(api, `${api.project}/logs/stream`, body, {
    signal,
    isFresh: offset !== undefined,
  });
  // It may fail long before anybody wants to print it.
  response.catch(() => {});
  return { response, connection, signal };
};

const isUnknown = async ({ response }: Attempt): Promise<boolean> => {
  try {
    await response;
    return false;
  } catch (err) {
    if (isUnknownRoute(err)) return true;
    throw err;
  }
};

/** What is not yet printed, each piece with the offset of its end. */
async function* piecesOf(
  attempt: Attempt,
  offset: number | undefined,
): AsyncGenerator<{ bytes: Uint8Array; end: number }> {
  const response = await attempt.response;
  let at = Number(response.headers.get(LOG_OFFSET_HEADER) ?? offset ?? 0);
  for await (const bytes of readBytes(response, attempt.signal)) {
    // A server may begin earlier than it was asked to: what has been printed is left out.
    const fresh = bytes.subarray(Math.min(Math.max(0, (offset ?? at) - at), bytes.length));
    at += bytes.length;
    if (fresh.length > 0) yield { bytes: fresh, end: at };
  }
}

const isOver = async (feed: RunFeed, submissionId: string, connection: AbortSignal): Promise<boolean> => {
  const cut = Promise.withResolvers<false>();
  const onCut = () => cut.resolve(false);
  connection.addEventListener("abort", onCut, { once: true });
  try {
    if (connection.aborted) return false;
    const over = feed.until((run) => isSubmissionOver(run, submissionId)).then(() => true);
    return await Promise.race([over, cut.promise]);
  } finally {
    connection.removeEventListener("abort", onCut);
  }
};

const isSubmissionOver = (run: Run, submissionId: string): boolean =>
  run.jobs
    .flatMap((job) => job.job_submissions)
    .every((submission) => submission.id !== submissionId || isFinalJob(submission.status));

/** Aborted because the feed lost its connection, or cut off itself. */
const isCutOff = (err: unknown, attempt: Attempt): boolean => attempt.connection.aborted || isPassing(err);
