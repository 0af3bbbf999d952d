import { FileArchive, GetArchiveByHashRequest } from "../../shared/api/files.ts";
import { getArchiveByHash, keepArchive } from "../domain/files/uploads.ts";
import { type Route, userRoute } from "./route.ts";
import { readUpload } from "./upload.ts";

export const fileRoutes: Route[] = [
  userRoute({
    path: "/api/files/upload_archive",
    summary: "Upload a tar; the file is named by its SHA-256",
    tag: "files",
    access: "auth",
    upload: true,
    answer: FileArchive,
    handle: async ({ c, deps, user }) =>
      keepArchive(deps, user, await readUpload(c.req.raw, deps.config.uploadLimitBytes)),
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
];
