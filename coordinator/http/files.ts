import { FileArchive, GetArchiveByHashRequest } from "../../shared/api/files.ts";
import {
  AppendUploadAnswer,
  AppendUploadQuery,
  BeginUploadAnswer,
  BeginUploadRequest,
  FinishUploadAnswer,
  FinishUploadRequest,
  UploadLimits,
} from "../../shared/api/uploads.ts";
import { checkUploadSize } from "../../shared/uploadLimit.ts";
import { findArchive, finishArchive, getArchiveByHash, keepArchive } from "../domain/files/uploads.ts";
import { type Route, userRoute } from "./route.ts";
import {
  partsLimit,
  readUpload,
  requestLimit,
  UPLOAD_PART_BYTES,
  unfinishedLimit,
  withPart,
} from "./upload.ts";

export const fileRoutes: Route[] = [
  userRoute({
    path: "/api/files/upload_archive",
    summary: "Upload a tar; the file is named by its SHA-256",
    tag: "files",
    access: "auth",
    upload: "form",
    answer: FileArchive,
    handle: async ({ c, deps, user }) => {
      await using received = await readUpload(c.req.raw, deps.uploads, requestLimit(deps.config, "Archive"));
      return await keepArchive(deps, user, received);
    },
  }),
  userRoute({
    path: "/api/files/get_archive_by_hash",
    summary: "The caller's archive with this SHA-256",
    tag: "files",
    access: "auth",
    body: GetArchiveByHashRequest,
    answer: FileArchive,
    handle: ({ deps, user, body }) => getArchiveByHash(deps, user, body.hash),
  }),
  userRoute({
    path: "/api/files/get_upload_limits",
    summary: "How much may be uploaded in parts, and in parts of which size",
    tag: "files",
    ours: true,
    access: "auth",
    answer: UploadLimits,
    handle: ({ deps }) => {
      const { bytes, setting } = partsLimit(deps.config, "Archive");
      return { max_bytes: bytes, setting, part_bytes: UPLOAD_PART_BYTES };
    },
  }),
  userRoute({
    path: "/api/files/begin_upload",
    summary: "Begin to upload a tar in parts, or go on: answers from which byte",
    tag: "files",
    ours: true,
    access: "auth",
    body: BeginUploadRequest,
    answer: BeginUploadAnswer,
    handle: async ({ deps, user, body: { hash, size } }) => {
      checkUploadSize(size, partsLimit(deps.config, "Archive"));
      const archive = await findArchive(deps, user, hash);
      if (archive) return { archive, offset: size };
      const key = { userId: user.id, sha256: hash, size };
      return { archive: null, offset: await deps.uploads.begin(key, unfinishedLimit(deps.config)) };
    },
  }),
  userRoute({
    path: "/api/files/append_upload",
    summary: "Upload one part, of a tar or of code, as application/octet-stream",
    tag: "files",
    ours: true,
    access: "auth",
    upload: "bytes",
    query: AppendUploadQuery,
    answer: AppendUploadAnswer,
    handle: async ({ c, deps, user, query: { hash, size, offset } }) => {
      const key = { userId: user.id, sha256: hash, size };
      return { offset: await withPart(c.req.raw, (bytes) => deps.uploads.append(key, offset, bytes)) };
    },
  }),
  userRoute({
    path: "/api/files/finish_upload",
    summary: "Make an archive of what has been uploaded in parts",
    tag: "files",
    ours: true,
    access: "auth",
    body: FinishUploadRequest,
    answer: FinishUploadAnswer,
    handle: async ({ c, deps, user, body: { hash, size } }) => {
      // What is large is read once more.
      c.env.keepOpen?.();
      return { archive: (await finishArchive(deps, user, { sha256: hash, size })) ?? null };
    },
  }),
];
