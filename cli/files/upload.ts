import { existsSync } from "node:fs";
import { basename, resolve } from "node:path";
import type { FileArchive } from "../../shared/api/files.ts";
import type { FileArchiveMapping } from "../../shared/api/jobs.ts";
import type { UploadLimits } from "../../shared/api/uploads.ts";
import type { FileMapping } from "../../shared/config/files.ts";
import { AppError } from "../../shared/errors.ts";
import { checkUploadSize } from "../../shared/uploadLimit.ts";
import type { Api } from "../api/client.ts";
import { beginUpload, findArchive, findUploadLimits, finishUpload, uploadArchive } from "../api/uploads.ts";
import type { Context } from "../context.ts";
import { type Archive, planArchive } from "./archive.ts";
import { hashOf } from "./content.ts";
import { largestText } from "./largest.ts";
import { sendInParts } from "./sendInParts.ts";
import { withProgress } from "./withProgress.ts";

/** Smaller archives are sent right away: asking whether they are known takes as long. */
export const ASK_FIRST_BYTES = 64 * 1024;

/** Local paths as they are on this machine: `~` is the home, the rest is relative to the configuration's folder. */
export const resolveFiles = (
  files: readonly FileMapping[],
  { dir, home }: { dir: string; home: string },
): FileMapping[] =>
  files.map((mapping) => {
    const path = resolve(dir, mapping.local_path.replace(/^~(?=[/\\]|$)/, home));
    if (existsSync(path)) return { ...mapping, local_path: path };
    throw new AppError("not_found", `Path '${mapping.local_path}' specified in \`files\` does not exist`);
  });

/** Packs and uploads each entry; the server keeps one archive per content, however often it is sent. */
export const uploadFiles = async (
  ctx: Context,
  api: Api,
  files: readonly FileMapping[],
): Promise<FileArchiveMapping[]> => {
  const planned = files.map(({ local_path: root, path }) => ({ root, path, archive: planArchive(root) }));
  const isLarge = planned.some(({ archive }) => archive.size > ASK_FIRST_BYTES);
  const limits = isLarge ? await findUploadLimits(api) : undefined;
  // Nothing is sent when something is too large.
  if (limits) for (const { archive } of planned) checkSize(archive, limits);
  const sent: FileArchiveMapping[] = [];
  for (const { root, path, archive } of planned)
    sent.push({ id: (await uploadOne(ctx, api, { name: basename(root), archive, limits })).id, path });
  return sent;
};

const checkSize = ({ size, members }: Archive, { max_bytes: bytes, setting }: UploadLimits): void =>
  checkUploadSize(size, { what: "Archive", setting, bytes }, () => largestText(members));

interface Upload {
  readonly name: string;
  readonly archive: Archive;
  readonly limits: UploadLimits | undefined;
}

const uploadOne = async (ctx: Context, api: Api, { name, archive, limits }: Upload): Promise<FileArchive> => {
  const hash = await withProgress(ctx, `Reading ${name}`, (_, report) => hashOf(archive, report));
  if (archive.size <= ASK_FIRST_BYTES) return uploadArchive(api, hash, archive.read());
  if (!limits) return (await findArchive(api, hash)) ?? uploadArchive(api, hash, archive.read());
  const wish = { hash, size: archive.size };
  return withProgress(ctx, `Uploading ${name}`, (inner, onProgress) =>
    sendInParts(inner, api, {
      content: archive,
      name: wish,
      mostBytes: limits.part_bytes,
      begin: async () => {
        const { archive: known, offset } = await beginUpload(api, wish);
        return { known: known ?? undefined, offset };
      },
      finish: async () => (await finishUpload(api, wish)).archive ?? undefined,
      onProgress,
    }),
  );
};
