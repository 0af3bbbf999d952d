import { z } from "zod";
import {
  DeleteReposRequest,
  GetRepoRequest,
  InitRepoRequest,
  Repo,
  RepoHead,
  UploadCodeQuery,
} from "../../shared/api/repos.ts";
import {
  BeginCodeUploadAnswer,
  CodeUploadRequest,
  FinishCodeUploadAnswer,
} from "../../shared/api/uploads.ts";
import { checkUploadSize } from "../../shared/uploadLimit.ts";
import { forgetRepos, getRepo, initRepo, listRepoHeads } from "../domain/files/repos.ts";
import { checkRepoIsKnown, finishCode, hasCode, keepCode } from "../domain/files/uploads.ts";
import { NOTHING, projectRoute, type Route } from "./route.ts";
import { partsLimit, readUpload, requestLimit, unfinishedLimit } from "./upload.ts";

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
    upload: "form",
    query: UploadCodeQuery,
    answer: NOTHING,
    handle: async ({ c, deps, project, query }) => {
      const limit = requestLimit(deps.config, "Repo diff");
      await using received = await readUpload(c.req.raw, deps.uploads, limit);
      await keepCode(deps, { projectId: project.id, repoId: query.repo_id }, received);
    },
  }),
  projectRoute({
    path: "/api/project/:project/repos/begin_code_upload",
    summary: "Begin to upload code in parts, or go on: answers from which byte",
    tag: "repos",
    ours: true,
    access: "member",
    body: CodeUploadRequest,
    answer: BeginCodeUploadAnswer,
    handle: async ({ deps, project, user, body: { repo_id: repoId, hash, size } }) => {
      const repo = { projectId: project.id, repoId };
      await checkRepoIsKnown(deps, repo);
      checkUploadSize(size, partsLimit(deps.config, "Repo diff"));
      if (await hasCode(deps, repo, hash)) return { is_known: true, offset: size };
      const key = { userId: user.id, sha256: hash, size };
      return { is_known: false, offset: await deps.uploads.begin(key, unfinishedLimit(deps.config)) };
    },
  }),
  projectRoute({
    path: "/api/project/:project/repos/finish_code_upload",
    summary: "Make code of what has been uploaded in parts",
    tag: "repos",
    ours: true,
    access: "member",
    body: CodeUploadRequest,
    answer: FinishCodeUploadAnswer,
    handle: async ({ c, deps, project, user, body: { repo_id: repoId, hash: sha256, size } }) => {
      const repo = { projectId: project.id, repoId };
      await checkRepoIsKnown(deps, repo);
      // As with archives.
      c.env.keepOpen?.();
      return { is_kept: await finishCode(deps, { repo, user, content: { sha256, size } }) };
    },
  }),
];
