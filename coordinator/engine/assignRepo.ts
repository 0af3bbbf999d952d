import type { JobSpec } from "../../shared/api/jobs.ts";
import { AppError } from "../../shared/errors.ts";
import type { AssignedRepo } from "../../shared/protocol/assignment.ts";
import { readRepoCreds } from "../domain/files/repos.ts";
import type { Db } from "../store/db.ts";
import type { RunRow } from "../store/runs.ts";
import type { SecretBox } from "../store/secretBox.ts";

/**
 * The repository of a job, with the credentials of whoever submitted the run, as they are now (docs/spec/agent.md §2.12).
 * Nothing where there is none, or one that holds nothing.
 */
export const repoOf = async (
  deps: { db: Db; box: SecretBox },
  run: RunRow,
  spec: JobSpec,
): Promise<{ repo?: AssignedRepo }> => {
  const { repo_data: data, repo_code_hash: hash } = spec;
  const where = {
    path: spec.repo_dir,
    if_exists: spec.repo_exists_action ?? ("skip" as const),
    ...(hash === null ? {} : { code_sha256: hash }),
  };
  if (data?.repo_type !== "remote") return hash === null ? {} : { repo: where };
  const repoId = run.spec.repo_id ?? "";
  const creds = await readRepoCreds(deps, { projectId: run.project_id, repoId, userId: run.user_id });
  if (!creds)
    throw new AppError("not_found", `The credentials for the repo ${repoId} are gone`, {
      hint: "Run `dstack init` in the repository",
    });
  return {
    repo: {
      ...where,
      remote: {
        clone_url: creds.clone_url,
        branch: data.repo_branch,
        hash: data.repo_hash,
        single_branch: spec.single_branch === true,
        config_name: data.repo_config_name,
        config_email: data.repo_config_email,
        private_key: creds.private_key,
        oauth_token: creds.oauth_token,
      },
    },
  };
};
