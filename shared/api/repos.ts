import { z } from "zod";
import { orNull } from "../schema/field.ts";
import { listed } from "./scalars.ts";

/** What kind of repository a repo id stands for, and where it is (docs/spec/http-api.md §2.5). */
export const RepoInfo = z.discriminatedUnion("repo_type", [
  z.object({ repo_type: z.literal("remote"), repo_name: z.string() }),
  z.object({ repo_type: z.literal("local"), repo_dir: z.string() }),
  z.object({ repo_type: z.literal("virtual") }),
]);
export type RepoInfo = z.infer<typeof RepoInfo>;

/** The state of a repository that a run is submitted with (docs/spec/http-api.md §3.4). */
export const RepoData = z.discriminatedUnion("repo_type", [
  z.object({
    repo_type: z.literal("remote"),
    repo_name: z.string(),
    repo_branch: orNull(z.string()),
    repo_hash: orNull(z.string()),
    repo_config_name: orNull(z.string()),
    repo_config_email: orNull(z.string()),
  }),
  z.object({ repo_type: z.literal("local"), repo_dir: z.string() }),
  z.object({ repo_type: z.literal("virtual") }),
]);
export type RepoData = z.infer<typeof RepoData>;

/** With what a user clones a repository; neither key nor token: it is public. */
export const RepoCreds = z.object({
  clone_url: z.string(),
  private_key: orNull(z.string()),
  oauth_token: orNull(z.string()),
});

export type RepoCreds = z.infer<typeof RepoCreds>;

export const InitRepoRequest = z.object({
  repo_id: z.string().min(1),
  repo_info: RepoInfo,
  repo_creds: orNull(RepoCreds),
});
export type InitRepoRequest = z.infer<typeof InitRepoRequest>;

export const GetRepoRequest = z.object({ repo_id: z.string(), include_creds: z.boolean() });
export type GetRepoRequest = z.infer<typeof GetRepoRequest>;

export const DeleteReposRequest = z.object({ repos_ids: listed(z.string()) });

/** An element of `repos/list`. */
export const RepoHead = z.object({ repo_id: z.string(), repo_info: RepoInfo });
export type RepoHead = z.infer<typeof RepoHead>;

/** Of `repos/get`: credentials are the caller's own, where they were asked for. */
export const Repo = RepoHead.extend({ repo_creds: orNull(RepoCreds) });
export type Repo = z.infer<typeof Repo>;

/** The query of `repos/upload_code`. */
export const UploadCodeQuery = z.object({ repo_id: z.string() });
