import type { RunSpec } from "../../../shared/api/runs.ts";
import { RESOURCE_NAME } from "../../../shared/api/scalars.ts";
import { AppError } from "../../../shared/errors.ts";
import type { Deps } from "../../deps.ts";
import { listFileArchivesByIds } from "../../store/fileArchives.ts";
import type { ProjectRow } from "../../store/projects.ts";
import { findRepo, findRepoCreds, hasRepoCode } from "../../store/repos.ts";
import type { UserRow } from "../../store/users.ts";
import { fillSecrets, readSecrets } from "../secrets/fillSecrets.ts";
import { checkMounts } from "../volumes/checkMounts.ts";

/** Whose run it is, or would be. */
export interface Caller {
  user: UserRow;
  project: ProjectRow;
}

/** Refuses what could not be submitted: `invalid`, `not_found` or `unsupported`. Nothing is changed. */
export const checkSpec = async (deps: Deps, { user, project }: Caller, spec: RunSpec): Promise<void> => {
  if (spec.run_name !== null && !RESOURCE_NAME.test(spec.run_name))
    throw new AppError("invalid", `Resource name should match regex '${RESOURCE_NAME.source}'`);
  if ((spec.repo_id === null) !== (spec.repo_data === null))
    throw new AppError("invalid", "repo_id and repo_data must be given together");
  await checkMounts(deps, project.id, spec.configuration);
  const missing = missingFeature(spec);
  if (missing) throw new AppError("unsupported", `${missing} not supported by this version yet`);
  await checkArchives(deps, user, spec);
  await checkRegistryAuth(deps, project, spec);
};

/** Unlike those of variables, which are filled when a job starts, secrets for the registry must be there already. */
const checkRegistryAuth = async (
  { db, secrets: box }: Deps,
  project: ProjectRow,
  { configuration: { registry_auth: auth } }: RunSpec,
): Promise<void> => {
  if (!auth) return;
  fillSecrets({ ...auth }, await readSecrets({ db, box }, project.id, Object.values(auth)), "registry_auth");
};

/** What a run needs of its repository when it is submitted; a plan is made before the code is uploaded. */
export const checkRepo = async (
  { db, blobs }: Pick<Deps, "db" | "blobs">,
  { user, project }: Caller,
  { repo_id: repoId, repo_data: data, repo_code_hash: hash }: RunSpec,
): Promise<void> => {
  if (repoId === null) return;
  if (data?.repo_type === "remote") {
    const repo = await findRepo(db, project.id, repoId);
    if (!repo) throw new AppError("repo_not_found", `Repo ${repoId} does not exist`);
    const key = { projectId: project.id, repoId, userId: user.id };
    if ((await findRepoCreds(db, key)) === undefined)
      throw new AppError("invalid", `You have given no credentials for the repo ${repoId}`, {
        hint: "Run `dstack init` in the repository",
      });
  }
  if (hash === null) return;
  const isKnown = await hasRepoCode(db, { project_id: project.id, repo_id: repoId, hash });
  if (!isKnown || !blobs.touch(hash))
    throw new AppError("not_found", `Code ${hash} was not uploaded for the repo ${repoId}`);
};

/** What the language knows but no run can have yet; refused rather than ignored. */
const missingFeature = ({ configuration }: RunSpec): string | undefined =>
  configuration.type === "service" ? "Services are" : undefined;

/** A user can only bring along what they have uploaded themselves. It stays as long as the run may need it. */
const checkArchives = async (deps: Deps, user: UserRow, spec: RunSpec): Promise<void> => {
  const wanted = spec.file_archives.map((archive) => archive.id);
  const found = await listFileArchivesByIds(deps.db, wanted);
  for (const id of wanted) {
    const row = found.find((one) => one.id === id && one.user_id === user.id);
    if (!row || !deps.blobs.touch(row.hash)) throw new AppError("not_found", `File archive ${id} not found`);
  }
};
