import { z } from "zod";

/** Bytes of an image pull so far (docs/spec/agent.md §2.3). */
export const PullProgress = z.object({
  downloaded_bytes: z.number().int().nonnegative(),
  extracted_bytes: z.number().int().nonnegative(),
  total_bytes: z.number().int().nonnegative(),
  is_total_bytes_final: z.boolean(),
  /** Of how many layers the image is, and how many of them lie on the host by now. */
  layers_total: z.number().int().nonnegative().nullish(),
  layers_done: z.number().int().nonnegative().nullish(),
  /** How fast it is downloaded at the moment. */
  bytes_per_second: z.number().int().nonnegative().nullish(),
});
export type PullProgress = z.infer<typeof PullProgress>;

/** Why a job ended without (or besides) an exit status; the job termination reasons an agent may give. */
export const AgentReason = z.enum([
  "container_exited_with_error",
  "creating_container_error",
  "executor_error",
  "done_by_runner",
  "max_duration_exceeded",
  "terminated_by_user",
  "terminated_by_server",
]);
export type AgentReason = z.infer<typeof AgentReason>;

/** One fact about one submission. `sequence` counts up per submission over its whole life, restarts included. */
export const Report = z.object({
  submission_id: z.uuid(),
  sequence: z.number().int().positive(),
  /** Milliseconds since 1970, the host's clock. */
  at: z.number().int(),
  fact: z.discriminatedUnion("state", [
    z.object({ state: z.literal("preparing") }),
    z.object({ state: z.literal("pulling"), progress: PullProgress.nullish() }),
    z.object({
      state: z.literal("running"),
      /** Resolved on the host. */
      working_dir: z.string().nullish(),
      username: z.string().nullish(),
      /** Container or process identifier, for people. */
      runtime_id: z.string().nullish(),
    }),
    z.object({
      state: z.literal("finished"),
      reason: AgentReason,
      message: z.string().max(4000),
      /** The command's exit status; -1 when a signal ended it (docs/spec/lifecycle.md §1.4); null: it never ran. */
      exit_status: z.number().int().nullable(),
      signal: z.string().nullish(),
      /** Length of the job's whole output in bytes; followers know from it when they have seen all. */
      log_bytes: z.number().int().nonnegative(),
    }),
  ]),
});
export type Report = z.infer<typeof Report>;

/**
 * POST /api/agent/report, whenever the state of a submission changes: a batch, in order.
 * Repeat: a sequence already seen is answered `stale` and changes nothing. Abort: send the batch again.
 */
export const ReportRequest = z.object({ session: z.uuid(), reports: z.array(Report).min(1).max(500) });
export type ReportRequest = z.infer<typeof ReportRequest>;

/** `fenced`: the agent is no longer entitled to that submission; it ends and forgets it. */
export const ReportAnswer = z.object({
  results: z.array(z.object({ submission_id: z.uuid(), result: z.enum(["applied", "stale", "fenced"]) })),
});
export type ReportAnswer = z.infer<typeof ReportAnswer>;
