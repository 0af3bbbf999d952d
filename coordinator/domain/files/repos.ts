import { type InitRepoRequest, type RepoHead, RepoInfo } from "../../../shared/api/repos.ts";
import { AppError } from "../../../shared/errors.ts";
import type { Deps } from "../../deps.ts";
import { findRepo, listRepos, type RepoRow, upsertRepo } from "../../store/repos.ts";

const viewRepo = (row: RepoRow): RepoHead => ({
  repo_id: row.repo_id,
  repo_info: RepoInfo.parse(row.info),
});

/** Credentials are for cloning, which hosts cannot do yet: better refused than dropped without a word. */
export const initRepo = async (deps: Deps, projectId: string, request: InitRepoRequest): Promise<void> => {
  if (request.repo_creds !== null && (request.repo_creds.private_key ?? request.repo_creds.oauth_token))
    throw new AppError("unsupported", "Private repositories are not supported by this version yet", {
      hint: "Use `files` to bring the working directory along",
    });
  await upsertRepo(deps.db, {
    id: crypto.randomUUID(),
    project_id: projectId,
    repo_id: request.repo_id,
    info: request.repo_info,
  });
};

export const getRepoHead = async (deps: Deps, projectId: string, repoId: string): Promise<RepoHead> => {
  const row = await findRepo(deps.db, projectId, repoId);
  if (!row) throw new AppError("not_found", "Resource not found");
  return viewRepo(row);
};

export const listRepoHeads = async (deps: Deps, projectId: string): Promise<RepoHead[]> =>
  (await listRepos(deps.db, projectId)).map(viewRepo);
