import { DeleteReposRequest, GetRepoRequest, InitRepoRequest } from "../../shared/api/repos.ts";
import { forgetRepos, getRepo, initRepo, listRepoHeads } from "../domain/files/repos.ts";
import { keepCode } from "../domain/files/uploads.ts";
import { InvalidBody } from "./jsonBody.ts";
import { projectRoute, type Route } from "./route.ts";
import { readUpload } from "./upload.ts";

export const repoRoutes: Route[] = [
  projectRoute({
    path: "/api/project/:project/repos/init",
    access: "member",
    body: InitRepoRequest,
    handle: ({ deps, project, user, body }) =>
      initRepo(deps, { projectId: project.id, userId: user.id }, body),
  }),
  projectRoute({
    path: "/api/project/:project/repos/get",
    access: "member",
    body: GetRepoRequest,
    handle: ({ deps, project, user, body }) =>
      getRepo(deps, { projectId: project.id, userId: user.id, repoId: body.repo_id }, body.include_creds),
  }),
  projectRoute({
    path: "/api/project/:project/repos/list",
    access: "member",
    handle: ({ deps, project }) => listRepoHeads(deps, project.id),
  }),
  projectRoute({
    path: "/api/project/:project/repos/delete",
    access: "member",
    body: DeleteReposRequest,
    handle: ({ deps, project, body }) => forgetRepos(deps, project.id, body.repos_ids),
  }),
  projectRoute({
    path: "/api/project/:project/repos/upload_code",
    access: "member",
    upload: true,
    handle: async ({ c, deps, project }) => {
      const repoId = c.req.query("repo_id");
      if (repoId === undefined)
        throw new InvalidBody([{ type: "missing", loc: ["query", "repo_id"], msg: "Field required" }]);
      const upload = await readUpload(c.req.raw, deps.config.uploadLimitBytes);
      await keepCode(deps, { projectId: project.id, repoId }, upload);
    },
  }),
];
