import { z } from "zod";

/**
 * POST /api/agent/logs/{submission_id}?offset=N&at=MS with the raw bytes (application/octet-stream) of the
 * job's output that begin at byte N; `at`: when the first of them was read, milliseconds since 1970.
 *
 * The coordinator's answer decides: it names the length it holds, and the agent goes on from there, be that
 * further (a repeat) or less far (a coordinator that lost its tail) than the agent thought. A body that begins
 * behind the held length is refused by naming that length, with status 200: it is no error.
 * When all of a finished job's output is held, the last answer's `sha256` is checked against the spool.
 * Refusals: `fenced`, `too_large` (over MAX_LOG_BODY_BYTES).
 */
export const LogAnswer = z.object({
  length: z.number().int().nonnegative(),
  /** Present once the job is finished and `length` is all of its output: SHA-256 hex of the whole. */
  sha256: z.string().nullish(),
});
export type LogAnswer = z.infer<typeof LogAnswer>;

export const MAX_LOG_BODY_BYTES = 4 * 1024 * 1024;
