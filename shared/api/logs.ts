import { z } from "zod";
import { orNull } from "../schema/field.ts";
import { Uuid4, WireTime } from "./scalars.ts";

/** `P/logs/poll` (docs/spec/http-api.md §2.8). `next_token` is opaque to clients. */
export const PollLogsRequest = z.object({
  run_name: z.string(),
  job_submission_id: Uuid4,
  start_time: orNull(WireTime),
  end_time: orNull(WireTime),
  descending: z.boolean().default(false),
  next_token: orNull(z.string()),
  limit: z.number().int().min(0).max(1000).default(100),
  diagnose: z.boolean().default(false),
});
export type PollLogsRequest = z.infer<typeof PollLogsRequest>;

/** `message` is base64 of UTF-8 text, which clients write as it is, without adding a newline. */
export const LogEvent = z.object({
  timestamp: WireTime,
  log_source: z.enum(["stdout", "stderr"]),
  message: z.string(),
});
export type LogEvent = z.infer<typeof LogEvent>;

export const JobSubmissionLogs = z.object({
  logs: z.array(LogEvent),
  external_url: orNull(z.string()),
  next_token: orNull(z.string()),
});
export type JobSubmissionLogs = z.infer<typeof JobSubmissionLogs>;

/**
 * `P/logs/stream`, ours: the job's output as raw bytes, from byte `offset` on. With `follow` the answer ends when
 * the output is complete; without, where it ends at the moment. `start_time`: only what was produced after it;
 * `tail_lines`: only the last so many lines of what there is. A client that was cut off asks again from the offset it has
 * reached.
 */
export const StreamLogsRequest = z.object({
  run_name: z.string(),
  job_submission_id: Uuid4,
  offset: z.number().int().nonnegative().default(0),
  follow: z.boolean().default(false),
  start_time: orNull(WireTime),
  tail_lines: orNull(z.number().int().nonnegative()),
});
export type StreamLogsRequest = z.infer<typeof StreamLogsRequest>;

/** Response header of `P/logs/stream`: the offset of the first byte in the body. */
export const LOG_OFFSET_HEADER = "x-dstack-log-offset";
