import { GetArchiveByHashRequest } from "../../shared/api/files.ts";
import { getArchiveByHash, keepArchive } from "../domain/files/uploads.ts";
import { type Route, userRoute } from "./route.ts";
import { readUpload } from "./upload.ts";

export const fileRoutes: Route[] = [
  userRoute({
    path: "/api/files/upload_archive",
    access: "auth",
    upload: true,
    handle: async ({ c, deps, user }) =>
      keepArchive(deps, user, await readUpload(c.req.raw, deps.config.uploadLimitBytes)),
  }),
  userRoute({
    path: "/api/files/get_archive_by_hash",
    access: "auth",
    body: GetArchiveByHashRequest,
    handle: ({ deps, user, body }) => getArchiveByHash(deps, user, body.hash),
  }),
];
