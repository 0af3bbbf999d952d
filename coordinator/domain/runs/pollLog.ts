import type { JobSubmissionLogs, LogEvent, PollLogsRequest } from "../../../shared/api/logs.ts";
import { fromWireTime, toWireTime } from "../../../shared/api/scalars.ts";
import { AppError } from "../../../shared/errors.ts";
import type { Deps } from "../../deps.ts";
import { agentLogOf } from "../../logs/logStore.ts";
import { followLog } from "./followLog.ts";
import { findSubmissionOf } from "./getSubmission.ts";

/** One event holds at most so many bytes, and one answer so many in all. */
const EVENT_BYTES = 64 * 1024;
const PAGE_BYTES = 4 * 1024 * 1024;

/** The token is the byte where the next page begins or, newest first, ends. */
const parseToken = (token: string): number => {
  const offset = /^\d{1,15}$/.test(token) ? Number(token) : Number.NaN;
  if (Number.isNaN(offset))
    throw new AppError("invalid", `next_token "${token}" is not one of this server's`);
  return offset;
};

interface Span {
  submissionId: string;
  from: number;
  to: number;
}

/**
 * A page of a job's output (docs/spec/http-api.md §2.8). `next_token` is null where the output held now ends: clients
 * ask until it is. `diagnose`: what the agent said about the job instead.
 */
export const pollLog = async (
  deps: Deps,
  projectId: string,
  request: PollLogsRequest,
): Promise<JobSubmissionLogs> => {
  const reached = request.next_token === null ? undefined : parseToken(request.next_token);
  const submission = await findSubmissionOf(deps, projectId, request);
  // Nothing was ever written by what is not there.
  if (!submission) return { logs: [], external_url: null, next_token: null };
  const { id, run_id: runId } = submission;
  if (!request.diagnose) await awaitTail(deps, id, runId);
  const submissionId = request.diagnose ? agentLogOf(id) : id;
  const { logs } = deps;
  const { start_time: after, end_time: before } = request;
  const begin = after === null ? 0 : await logs.offsetAfter(submissionId, fromWireTime(after));
  const end =
    before === null
      ? await logs.length(submissionId)
      : await logs.offsetAfter(submissionId, fromWireTime(before) - 1);
  if (request.descending) {
    const span = { submissionId, from: begin, to: Math.min(reached ?? end, end) };
    return readBackward(deps, span, request.limit);
  }
  const span = { submissionId, from: Math.max(reached ?? begin, begin), to: end };
  return readForward(deps, span, request.limit);
};

/** A job is over when its host says so, which may be a moment before the last of its output is here. */
const awaitTail = async (deps: Deps, submissionId: string, runId: string): Promise<void> => {
  const offset = await deps.logs.length(submissionId);
  const tail = followLog(deps, { submissionId, runId, offset, follow: false }, deps.closing);
  while (!(await tail.next()).done);
};

const eventOf = (time: number, bytes: Uint8Array): LogEvent => ({
  timestamp: toWireTime(time),
  log_source: "stdout",
  message: Buffer.from(bytes).toString("base64"),
});

/** Events end where the time changes, so that each has its own. */
const readForward = async (
  { logs, clock }: Deps,
  { submissionId, from, to }: Span,
  limit: number,
): Promise<JobSubmissionLogs> => {
  const page = await logs.read(submissionId, from, Math.min(PAGE_BYTES, to - from));
  const times = logs.times(submissionId);
  const events: LogEvent[] = [];
  let done = 0;
  while (done < page.length && events.length < limit) {
    const at = from + done;
    const time = times.timeAt(at);
    const nextTime = time === undefined ? to : (times.offsetAfter(time) ?? to);
    const size = Math.min(EVENT_BYTES, Math.max(1, nextTime - at), page.length - done);
    events.push(eventOf(time ?? clock.now(), page.subarray(done, done + size)));
    done += size;
  }
  const next = from + done;
  return { logs: events, external_url: null, next_token: next < to && done > 0 ? String(next) : null };
};

const NEWLINE = 10;

/** Newest first, for people who read from the end: an event is a line, which is never cut unless it is huge. */
const readBackward = async (
  { logs, clock }: Deps,
  { submissionId, from, to }: Span,
  limit: number,
): Promise<JobSubmissionLogs> => {
  const start = Math.max(from, to - PAGE_BYTES);
  const page = await logs.read(submissionId, start, to - start);
  const times = logs.times(submissionId);
  const events: LogEvent[] = [];
  let end = page.length;
  while (end > 0 && events.length < limit) {
    const begin = end < 2 ? 0 : page.lastIndexOf(NEWLINE, end - 2) + 1;
    // Its beginning is on the next page, unless the page holds nothing else.
    if (begin === 0 && start > from && events.length > 0) break;
    events.push(eventOf(times.timeAt(start + begin) ?? clock.now(), page.subarray(begin, end)));
    end = begin;
  }
  const next = start + end;
  return {
    logs: events,
    external_url: null,
    next_token: next > from && end < page.length ? String(next) : null,
  };
};
