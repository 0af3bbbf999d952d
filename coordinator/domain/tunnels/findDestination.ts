import type { ClientStreamRequest } from "../../../shared/protocol/tunnel.ts";
import { type Destination, StreamRefusal } from "../../relay/holder.ts";
import { findRun, type RunRow } from "../../store/runs.ts";
import { findSubmission, type SubmissionRow } from "../../store/submissions.ts";
import type { Asker, TunnelDeps } from "./asker.ts";
import { portsOfJob } from "./portsOfJob.ts";
import { isProxyEnforced } from "./sshAddress.ts";

interface FoundJob {
  run: RunRow;
  submission: SubmissionRow;
}

/**
 * The job of a submission, for whoever may reach it: the user of its run, and who manages the project. What is not of the
 * project is not there, whatever it is.
 */
export const findJob = async (
  { db }: Pick<TunnelDeps, "db">,
  { user, project, role }: Asker,
  submissionId: string,
): Promise<FoundJob> => {
  const submission = await findSubmission(db, submissionId);
  const run = submission && (await findRun(db, submission.run_id));
  if (!submission || run?.project_id !== project.id)
    throw new StreamRefusal("not_found", "There is no such job in this project");
  const manages = user.global_role === "admin" || role === "admin" || role === "manager";
  if (run.user_id !== user.id && !manages)
    throw new StreamRefusal("forbidden", `The run ${run.name} is another user's`);
  return { run, submission };
};

/** Where a stream leads that is asked for. Refuses besides a job that does not run, and ports that its configuration does not name. */
export const findDestination = async (
  deps: TunnelDeps,
  asker: Asker,
  { submission_id: id, to }: ClientStreamRequest,
): Promise<Destination> => {
  const { run, submission } = await findJob(deps, asker, id);
  if (submission.status !== "running" || submission.instance_id === null)
    throw new StreamRefusal("unavailable", `The job is ${submission.status}`);
  const found = {
    instanceId: submission.instance_id,
    run: { id: run.id, name: run.name, project_id: run.project_id },
    jobName: submission.job_spec.job_name,
  };
  const ports = portsOfJob(deps, run, submission);
  const keys = keysOf(run, asker);
  if (to.kind === "direct") {
    if (!deps.config.allowsDirectTunnels)
      throw new StreamRefusal("forbidden", "This server wants all streams to go through it");
    // Who logs in by the server's own endpoint alone logs in nowhere else.
    const login = { keys: isProxyEnforced(deps) ? [] : keys, user: null };
    return { ...found, request: { submission_id: id, to: { kind: "direct", ports, login } } };
  }
  if (to.kind === "ssh") {
    if (isProxyEnforced(deps))
      throw new StreamRefusal("forbidden", "This server wants SSH to go through its own endpoint");
    return { ...found, request: { submission_id: id, to: { kind: "ssh", keys, user: to.user ?? null } } };
  }
  if (!ports.includes(to.port))
    throw new StreamRefusal("forbidden", `The configuration of ${run.name} has no port ${to.port}`);
  return { ...found, request: { submission_id: id, to } };
};

/** Whose stream it is has shown who they are; with these they show it to the job. */
const keysOf = (run: RunRow, { user }: Asker): string[] => {
  const known = [run.spec.ssh_key_pub, user.ssh_public_key].filter((key) => key !== null);
  return [...new Set(known)];
};
