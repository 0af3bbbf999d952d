import { z } from "zod";
import {
  DeleteReposRequest,
  GetRepoRequest,
  InitRepoRequest,
  Repo,
  RepoHead,
  UploadCodeQuery,
} from "../../shared/api/repos.ts";
import { forgetRepos, getRepo, initRepo, listRepoHeads } from "../domain/files/repos.ts";
import { keepCode } from "../domain/files/uploads.ts";
import { NOTHING, projectRoute, type Route } from "./route.ts";
import { readUpload } from "./upload.ts";

export const repoRoutes: Route[] = [
  projectRoute({
    path: "/api/project/:project/repos/init",
    summary: "Make a repository known, and keep the caller's credentials for it",
    tag: "repos",
    access: "member",
    body: InitRepoRequest,
    answer: NOTHING,
    handle: ({ deps, project, user, body }) =>
      initRepo(deps, { projectId: project.id, userId: user.id }, body),
  }),
  projectRoute({
    path: "/api/project/:project/repos/get",
    summary: "A repository, with the caller's credentials if they are asked for",
    tag: "repos",
    access: "member",
    body: GetRepoRequest,
    answer: Repo,
    handle: ({ deps, project, user, body }) =>
      getRepo(deps, { projectId: project.id, userId: user.id, repoId: body.repo_id }, body.include_creds),
  }),
  projectRoute({
    path: "/api/project/:project/repos/list",
    summary: "Repositories of the project",
    tag: "repos",
    access: "member",
    answer: z.array(RepoHead),
    handle: ({ deps, project }) => listRepoHeads(deps, project.id),
  }),
  projectRoute({
    path: "/api/project/:project/repos/delete",
    summary: "Forget repositories with everybody's credentials",
    tag: "repos",
    access: "member",
    body: DeleteReposRequest,
    answer: NOTHING,
    handle: ({ deps, project, body }) => forgetRepos(deps, project.id, body.repos_ids),
  }),
  projectRoute({
    path: "/api/project/:project/repos/upload_code",
    summary: "Upload what a run needs beyond the pushed commit; the file is named by its SHA-256",
    tag: "repos",
    access: "member",
    upload: true,
    query: UploadCodeQuery,
    answer: NOTHING,
    handle: async ({ c, deps, project, query }) => {
      const upload = await readUpload(c.req.raw, deps.config.uploadLimitBytes);
      await keepCode(deps, { projectId: project.id, repoId: query.repo_id }, upload);
    },
  }),
];
