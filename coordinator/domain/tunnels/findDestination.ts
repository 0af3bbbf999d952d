import type { ClientStreamRequest } from "../../../shared/protocol/tunnel.ts";
import type { Deps } from "../../deps.ts";
import { type Destination, StreamRefusal } from "../../relay/relay.ts";
import type { ProjectRole } from "../../store/members.ts";
import type { ProjectRow } from "../../store/projects.ts";
import { findRun, type RunRow } from "../../store/runs.ts";
import { findSubmission } from "../../store/submissions.ts";
import type { UserRow } from "../../store/users.ts";
import { jobSpecsOf } from "../runs/effectiveSpec.ts";
import { isProxyEnforced } from "./sshAddress.ts";

export interface Asker {
  user: UserRow;
  project: ProjectRow;
  role: ProjectRole | undefined;
}

/**
 * Where a stream leads that a client asks for. Refuses what is not of the project, a run that is another's (unless the
 * asker manages the project), a job that does not run, and ports that the configuration does not name.
 */
export const findDestination = async (
  deps: Pick<Deps, "db" | "config" | "ssh">,
  { user, project, role }: Asker,
  { submission_id: id, to }: ClientStreamRequest,
): Promise<Destination> => {
  const submission = await findSubmission(deps.db, id);
  const run = submission && (await findRun(deps.db, submission.run_id));
  if (!submission || run?.project_id !== project.id)
    throw new StreamRefusal("not_found", "There is no such job in this project");
  const manages = user.global_role === "admin" || role === "admin" || role === "manager";
  if (run.user_id !== user.id && !manages)
    throw new StreamRefusal("forbidden", `The run ${run.name} is another user's`);
  if (submission.status !== "running" || submission.instance_id === null)
    throw new StreamRefusal("unavailable", `The job is ${submission.status}`);
  const [spec] = jobSpecsOf(deps, run.spec, run.name).filter(
    (one) => one.job_num === submission.job_num && one.replica_num === submission.replica_num,
  );
  const keys = keysOf(run, user);
  if (to.kind === "direct") {
    if (!deps.config.allowsDirectTunnels)
      throw new StreamRefusal("forbidden", "This server wants all streams to go through it");
    // Who logs in by the server's own endpoint alone logs in nowhere else.
    const login = { keys: isProxyEnforced(deps) ? [] : keys, user: null };
    const ports = [...new Set(spec?.app_specs.map(({ port }) => port))];
    return {
      instanceId: submission.instance_id,
      request: { submission_id: id, to: { kind: "direct", ports, login } },
    };
  }
  if (to.kind === "ssh") {
    if (isProxyEnforced(deps))
      throw new StreamRefusal("forbidden", "This server wants SSH to go through its own endpoint");
    return {
      instanceId: submission.instance_id,
      request: { submission_id: id, to: { kind: "ssh", keys, user: null } },
    };
  }
  if (!spec?.app_specs.some(({ port }) => port === to.port))
    throw new StreamRefusal("forbidden", `The configuration of ${run.name} has no port ${to.port}`);
  return { instanceId: submission.instance_id, request: { submission_id: id, to } };
};

const keysOf = (run: RunRow, user: UserRow): string[] => {
  const known = [run.spec.ssh_key_pub, user.ssh_public_key].filter((key) => key !== null);
  return [...new Set(known)];
};
