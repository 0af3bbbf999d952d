import type { Deps } from "../../deps.ts";
import { findRole } from "../../store/members.ts";
import { findProject, type ProjectRow } from "../../store/projects.ts";
import { listPublicKeys } from "../../store/publicKeys.ts";
import { findRun, type RunRow } from "../../store/runs.ts";
import { findSubmission } from "../../store/submissions.ts";
import { listUsersByIds, type UserRow } from "../../store/users.ts";

/** A job that runs, and who may log in to it. */
export interface SshLogin {
  submissionId: string;
  instanceId: string;
  jobName: string;
  run: Pick<RunRow, "id" | "name" | "project_id">;
  project: Pick<ProjectRow, "id" | "name">;
  /** Whose run it is. */
  user: UserRow;
  /** In the form of `authorized_keys`: the run's, and those of its user (docs/spec/agent.md §3). */
  keys: readonly string[];
}

/** Undefined: there is no such job, it does not run (`orEnding`: nor is it ending), or its user is no more, or is not of the project any longer. */
export const findLogin = async (
  { db }: Pick<Deps, "db">,
  submissionId: string,
  { orEnding } = { orEnding: false },
): Promise<SshLogin | undefined> => {
  const submission = await findSubmission(db, submissionId);
  if (!submission || submission.instance_id === null) return undefined;
  if (submission.status !== "running" && !(orEnding && submission.status === "terminating")) return undefined;
  const run = await findRun(db, submission.run_id);
  const [user] = run ? await listUsersByIds(db, [run.user_id]) : [];
  if (!run || !user?.active || user.deleted) return undefined;
  const isMember = user.global_role === "admin" || (await findRole(db, run.project_id, user.id));
  if (!isMember) return undefined;
  const project = await findProject(db, run.project_id);
  if (!project || project.deleted) return undefined;
  const known = [run.spec.ssh_key_pub, user.ssh_public_key].filter((key) => key !== null);
  const added = (await listPublicKeys(db, user.id)).map(({ key }) => key);
  return {
    submissionId,
    instanceId: submission.instance_id,
    jobName: submission.job_spec.job_name,
    run,
    project,
    user,
    keys: [...new Set([...known, ...added].map((key) => key.trim()))].filter((key) => key !== ""),
  };
};
