import type { SshUpstream } from "../../../shared/api/server.ts";
import { AppError } from "../../../shared/errors.ts";
import type { Deps } from "../../deps.ts";
import { findSubmission } from "../../store/submissions.ts";
import { findLogin } from "./findLogin.ts";
import { readUpstreamId } from "./upstreamId.ts";

/**
 * The way of a proxy for SSH to a job: one hop, the coordinator's own SSH, which `reachedBy` names, with a key for this job.
 * Throws `not_found` unless it runs.
 */
export const getUpstream = async (
  deps: Pick<Deps, "db" | "ssh">,
  { upstreamId, reachedBy }: { upstreamId: string; reachedBy: string },
): Promise<SshUpstream> => {
  const id = readUpstreamId(upstreamId);
  const [login, submission] =
    id === undefined ? [] : await Promise.all([findLogin(deps, id), findSubmission(deps.db, id)]);
  const { port } = deps.ssh;
  if (!login || !submission || port === undefined) throw new AppError("not_found", "Resource not found");
  const { runtime_data, job_spec } = submission;
  const user = runtime_data?.username ?? job_spec.user?.username ?? "root";
  return {
    hosts: [
      {
        host: reachedBy.replace(/^\[|\]$/g, ""),
        port,
        user,
        private_key: deps.ssh.issueKey(login.submissionId),
      },
    ],
    authorized_keys: [...login.keys],
  };
};
