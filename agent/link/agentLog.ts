import { AgentLogAnswer } from "../../shared/protocol/agentLog.ts";
import { callJson, codeOf, type LinkOptions } from "./client.ts";

/** One try: what could not be sent goes with what comes next. `undefined`: nothing more of this job is wanted. */
export const sendAgentLog = async (
  link: LinkOptions,
  { submissionId, offset, bytes }: { submissionId: string; offset: number; bytes: Uint8Array },
  signal: AbortSignal,
): Promise<number | undefined> => {
  try {
    const path = `/agent-logs/${submissionId}?offset=${offset}`;
    const request = { path, bytes: bytes as Uint8Array<ArrayBuffer>, signal };
    return (await callJson(link, request, AgentLogAnswer)).length;
  } catch (err) {
    const code = codeOf(err);
    // An older coordinator, or one that has taken the job away.
    return code === "not_found" || code === "fenced" ? undefined : offset;
  }
};
