/**
 * The agent link's version. Raised only when an older side could not work with a newer one; new optional
 * fields do not raise it. Agents send it with every request in the header below; the coordinator refuses
 * one it does not know with `unsupported` and the text says which side is to be upgraded.
 */
export const AGENT_PROTOCOL = 1;
export const AGENT_PROTOCOL_HEADER = "x-dstack-agent-protocol";

/** Every call of the agent link lives under this path; bodies are JSON unless the call says otherwise. */
export const AGENT_BASE_PATH = "/api/agent";
