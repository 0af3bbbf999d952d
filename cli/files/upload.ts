import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { FileArchive } from "../../shared/api/files.ts";
import type { FileArchiveMapping } from "../../shared/api/jobs.ts";
import type { FileMapping } from "../../shared/config/files.ts";
import { AppError } from "../../shared/errors.ts";
import { answerOf, hasKeys, isText } from "../api/answer.ts";
import { type Api, post, upload } from "../api/client.ts";
import { isMissing, isUnknownRoute } from "../api/refusal.ts";
import { makeArchive } from "./archive.ts";

const archiveAnswer = answerOf<FileArchive>(hasKeys({ id: isText, hash: isText }));

/** Smaller archives are sent right away: asking whether they are known takes as long. */
const ASK_FIRST_BYTES = 64 * 1024;

/** Local paths as they are on this machine: `~` is the home, the rest is relative to the configuration's folder. */
export const resolveFiles = (
  files: readonly FileMapping[],
  { dir, home }: { dir: string; home: string },
): FileMapping[] =>
  files.map((mapping) => {
    const path = resolve(dir, mapping.local_path.replace(/^~(?=\/|$)/, home));
    if (existsSync(path)) return { ...mapping, local_path: path };
    throw new AppError("not_found", `Path '${mapping.local_path}' specified in \`files\` does not exist`);
  });

/** Packs and uploads each entry; the server keeps one archive per content, however often it is sent. */
export const uploadFiles = (api: Api, files: readonly FileMapping[]): Promise<FileArchiveMapping[]> =>
  Promise.all(
    files.map(async ({ local_path: localPath, path }) => ({
      id: (await uploadOne(api, localPath)).id,
      path,
    })),
  );

const uploadOne = async (api: Api, path: string): Promise<FileArchive> => {
  const { content, hash } = await makeArchive(path);
  const known = content.size > ASK_FIRST_BYTES ? await findArchive(api, hash) : undefined;
  if (known) return known;
  return upload(api, { path: "/api/files/upload_archive", name: hash, content, answer: archiveAnswer });
};

const findArchive = async (api: Api, hash: string): Promise<FileArchive | undefined> => {
  try {
    return await post(api, { path: "/api/files/get_archive_by_hash", body: { hash }, answer: archiveAnswer });
  } catch (err) {
    if (isMissing(err) || isUnknownRoute(err)) return undefined;
    throw err;
  }
};
