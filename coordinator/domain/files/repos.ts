import {
  type InitRepoRequest,
  type Repo,
  RepoCreds,
  type RepoHead,
  RepoInfo,
} from "../../../shared/api/repos.ts";
import { checkCloneUrl } from "../../../shared/config/cloneUrl.ts";
import { AppError } from "../../../shared/errors.ts";
import type { Deps } from "../../deps.ts";
import { type Db, writeAll } from "../../store/db.ts";
import {
  type CredsKey,
  deleteRepoCreds,
  deleteRepos,
  findRepo,
  findRepoCreds,
  listRepos,
  type RepoRow,
  setRepoCreds,
  upsertRepo,
} from "../../store/repos.ts";
import type { SecretBox } from "../../store/secretBox.ts";

const viewRepo = (row: RepoRow): RepoHead => ({
  repo_id: row.repo_id,
  repo_info: RepoInfo.parse(row.info),
});

/** A key or token has no business in a project's list, and no reason to be larger. */
const MAX_CREDS_CHARS = 64 * 1024;

/**
 * Makes a repository known, or changes what is known of it. Of a remote one the caller's credentials are kept with it,
 * those of others stay theirs; `null` removes them (docs/spec/http-api.md §2.5).
 */
export const initRepo = async (
  deps: Deps,
  caller: { projectId: string; userId: string },
  { repo_id, repo_info, repo_creds }: InitRepoRequest,
): Promise<void> => {
  const key = { ...caller, repoId: repo_id };
  const row = { id: crypto.randomUUID(), project_id: caller.projectId, repo_id, info: repo_info };
  const isRemote = repo_info.repo_type === "remote";
  if (repo_creds) {
    checkCloneUrl(repo_creds.clone_url);
    if (JSON.stringify(repo_creds).length > MAX_CREDS_CHARS)
      throw new AppError("invalid", `Repository credentials are larger than ${MAX_CREDS_CHARS} characters`);
  }
  const creds = !isRemote
    ? []
    : repo_creds
      ? [setRepoCreds(deps.db, key, deps.secrets.seal(JSON.stringify(repo_creds)))]
      : [deleteRepoCreds(deps.db, key)];
  await writeAll(deps.db, [upsertRepo(deps.db, row), ...creds]);
};

/** `repo_creds`: the caller's own, where they are asked for. */
export const getRepo = async (deps: Deps, key: CredsKey, includeCreds: boolean): Promise<Repo> => {
  const row = await findRepo(deps.db, key.projectId, key.repoId);
  if (!row) throw new AppError("not_found", "Resource not found");
  const creds = includeCreds ? await readRepoCreds({ db: deps.db, box: deps.secrets }, key) : undefined;
  return { ...viewRepo(row), repo_creds: creds ?? null };
};

export const readRepoCreds = async (
  { db, box }: { db: Db; box: SecretBox },
  key: CredsKey,
): Promise<RepoCreds | undefined> => {
  const sealed = await findRepoCreds(db, key);
  return sealed === undefined ? undefined : RepoCreds.parse(JSON.parse(box.open(sealed)));
};

export const listRepoHeads = async (deps: Deps, projectId: string): Promise<RepoHead[]> =>
  (await listRepos(deps.db, projectId)).map(viewRepo);

/** Forgets them with everybody's credentials; runs that were submitted keep their code. */
export const forgetRepos = ({ db }: Deps, projectId: string, repoIds: string[]): Promise<void> =>
  repoIds.length === 0 ? Promise.resolve() : writeAll(db, deleteRepos(db, projectId, repoIds));
