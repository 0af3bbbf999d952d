import type { FileArchive } from "../../../shared/api/files.ts";
import { AppError } from "../../../shared/errors.ts";
import type { Received } from "../../blobs/receive.ts";
import type { Deps } from "../../deps.ts";
import { type FileArchiveRow, findFileArchive, insertFileArchive } from "../../store/fileArchives.ts";
import { findRepo, hasRepoCode, insertRepoCode } from "../../store/repos.ts";
import type { UserRow } from "../../store/users.ts";

/** What a client sends, or has sent: the bytes are known by their hash. */
interface Content {
  sha256: string;
  size: number;
}

export interface RepoKey {
  projectId: string;
  repoId: string;
}

const viewArchive = (row: FileArchiveRow): FileArchive => ({ id: row.id, hash: row.hash });

/** Of one user and hash there is one archive, however often it is uploaded. */
export const keepArchive = async (deps: Deps, user: UserRow, received: Received): Promise<FileArchive> => {
  await received.keep();
  return addArchive(deps, user, received);
};

const addArchive = async (deps: Deps, user: UserRow, { sha256, size }: Content): Promise<FileArchive> => {
  const row = await insertFileArchive(deps.db, {
    id: crypto.randomUUID(),
    user_id: user.id,
    hash: sha256,
    size,
    created_at: deps.clock.now(),
  });
  if (!row) throw new Error(`Archive ${sha256} is gone right after it was kept`);
  return viewArchive(row);
};

/** The user's own; that somebody else has sent the same bytes is not to be found out. */
export const findArchive = async (
  deps: Deps,
  user: UserRow,
  hash: string,
): Promise<FileArchive | undefined> => {
  const row = await findFileArchive(deps.db, user.id, hash);
  return row && deps.blobs.touch(hash) ? viewArchive(row) : undefined;
};

export const getArchiveByHash = async (deps: Deps, user: UserRow, hash: string): Promise<FileArchive> => {
  const archive = await findArchive(deps, user, hash);
  if (!archive) throw new AppError("not_found", "Resource not found");
  return archive;
};

/** Undefined: what arrived is not what was to come, and has to be sent again. */
export const finishArchive = async (
  deps: Deps,
  user: UserRow,
  content: Content,
): Promise<FileArchive | undefined> => {
  // The answer to an earlier call may have been lost.
  const known = await findArchive(deps, user, content.sha256);
  if (known) return known;
  return (await deps.uploads.finish({ userId: user.id, ...content }))
    ? addArchive(deps, user, content)
    : undefined;
};

/** Code of a repository: a diff or a tar, which a run spec names by its hash. */
export const keepCode = async (deps: Deps, repo: RepoKey, received: Received): Promise<void> => {
  await checkRepoIsKnown(deps, repo);
  await received.keep();
  await addCode(deps, repo, received.sha256);
};

const addCode = async (deps: Deps, repo: RepoKey, hash: string): Promise<void> => {
  await insertRepoCode(deps.db, { project_id: repo.projectId, repo_id: repo.repoId, hash });
};

export const checkRepoIsKnown = async ({ db }: Deps, { projectId, repoId }: RepoKey): Promise<void> => {
  if (!(await findRepo(db, projectId, repoId)))
    throw new AppError("repo_not_found", `Repo ${repoId} does not exist`);
};

/** Code is the project's, as its runs are: whoever is in it need not send it again. */
export const hasCode = async (
  { db, blobs }: Deps,
  { projectId, repoId }: RepoKey,
  hash: string,
): Promise<boolean> =>
  (await hasRepoCode(db, { project_id: projectId, repo_id: repoId, hash })) && blobs.touch(hash);

/** False: what arrived is not what was to come, and has to be sent again. */
export const finishCode = async (
  deps: Deps,
  { repo, user, content }: { repo: RepoKey; user: UserRow; content: Content },
): Promise<boolean> => {
  if (await hasCode(deps, repo, content.sha256)) return true;
  if (!(await deps.uploads.finish({ userId: user.id, ...content }))) return false;
  await addCode(deps, repo, content.sha256);
  return true;
};
