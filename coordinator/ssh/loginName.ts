import { readUpstreamId } from "../domain/tunnels/upstreamId.ts";

/** Whom a client asks for: `<submission id, 32 hex digits>[_<unix user>]` (docs/spec/agent.md §3). */
export interface LoginName {
  submissionId: string;
  /** Null: the job's own. */
  user: string | null;
}

const FORM = /^([0-9a-f]{32})(?:_([^\0\r\n]{1,200}))?$/;

export const parseLoginName = (name: string): LoginName | undefined => {
  const [, id = "", user = null] = FORM.exec(name) ?? [];
  const submissionId = readUpstreamId(id);
  return submissionId === undefined ? undefined : { submissionId, user };
};
