import { z } from "zod";

/**
 * POST /api/agent/agent-logs/{submission_id}?offset=N with text (UTF-8, lines) that begins at byte N of what the agent
 * has to say about a submission; apart from the job's own output. Now and then while the job lives, and before the agent
 * forgets it.
 *
 * The answer names the length held; what is held already is skipped, what is behind a gap or over
 * MAX_AGENT_LOG_BYTES is not kept. Nothing depends on it: an agent whose coordinator does not know the call
 * (`not_found`) goes on without.
 * Refusals: `fenced`, `too_large` (the body alone is over the bound).
 */
export const AgentLogAnswer = z.object({ length: z.number().int().nonnegative() });
export type AgentLogAnswer = z.infer<typeof AgentLogAnswer>;

/** Of one submission. */
export const MAX_AGENT_LOG_BYTES = 256 * 1024;
