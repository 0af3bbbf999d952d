import type { FileArchive } from "../../../shared/api/files.ts";
import { AppError } from "../../../shared/errors.ts";
import type { Deps } from "../../deps.ts";
import { type FileArchiveRow, findFileArchive, insertFileArchive } from "../../store/fileArchives.ts";
import { findRepo, insertRepoCode } from "../../store/repos.ts";
import type { UserRow } from "../../store/users.ts";

/** What a client uploaded, under the name it gave it: the SHA-256 of the bytes. */
export interface Upload {
  sha256: string;
  bytes: Uint8Array;
}

const viewArchive = (row: FileArchiveRow): FileArchive => ({ id: row.id, hash: row.hash });

/** Of one user and hash there is one archive, however often it is uploaded. */
export const keepArchive = async (deps: Deps, user: UserRow, upload: Upload): Promise<FileArchive> => {
  await deps.blobs.put(upload.sha256, upload.bytes);
  const row = await insertFileArchive(deps.db, {
    id: crypto.randomUUID(),
    user_id: user.id,
    hash: upload.sha256,
    size: upload.bytes.length,
    created_at: deps.clock.now(),
  });
  if (!row) throw new Error(`Archive ${upload.sha256} is gone right after it was kept`);
  return viewArchive(row);
};

export const getArchiveByHash = async (deps: Deps, user: UserRow, hash: string): Promise<FileArchive> => {
  const row = await findFileArchive(deps.db, user.id, hash);
  if (!row) throw new AppError("not_found", "Resource not found");
  return viewArchive(row);
};

/** Code of a repository: a diff or a tar, which a run spec names by its hash. */
export const keepCode = async (
  deps: Deps,
  repo: { projectId: string; repoId: string },
  upload: Upload,
): Promise<void> => {
  if (!(await findRepo(deps.db, repo.projectId, repo.repoId)))
    throw new AppError("repo_not_found", `Repo ${repo.repoId} does not exist`);
  await deps.blobs.put(upload.sha256, upload.bytes);
  await insertRepoCode(deps.db, {
    project_id: repo.projectId,
    repo_id: repo.repoId,
    hash: upload.sha256,
  });
};
