import { z } from "zod";

/**
 * POST /api/agent/leave, by an agent whose host leaves its fleet for good, when it holds no job: the instance is
 * removed and its credential is worth nothing from then on.
 *
 * Repeat: answered `unauthenticated`, since the first one has worked. Abort: the host may have left; asking again tells.
 * Refusals: `conflict` while a job is bound to the host; with `force` such jobs end as those of a host that is lost.
 */
export const LeaveRequest = z.object({ force: z.boolean() });
export type LeaveRequest = z.infer<typeof LeaveRequest>;

export const LeaveAnswer = z.object({});
