import { z } from "zod";

/** The body of every non-2xx answer on the agent link. Agents decide on `code`, never on the text. */
export const AgentError = z.object({ error: z.object({ code: z.string(), message: z.string() }) });
export type AgentError = z.infer<typeof AgentError>;
