import type { RunSpec } from "../../shared/api/runs.ts";
import type { RunConfiguration } from "../../shared/config/configuration.ts";
import { type RunOverrides, withOverrides } from "../../shared/config/overrides.ts";
import { Profile } from "../../shared/config/profile.ts";
import { findProfile } from "../../shared/config/profiles.ts";
import { resolveRun } from "../../shared/config/resolve.ts";
import type { Api } from "../api/client.ts";
import type { Source } from "../configuration/source.ts";
import type { Context } from "../context.ts";
import type { Diff } from "../repos/diff.ts";
import type { RepoWish, RunRepo } from "../repos/runRepo.ts";

interface Wanted {
  readonly api: Api;
  readonly source: Source;
  readonly configuration: RunConfiguration;
  readonly overrides: RunOverrides;
  readonly profile: { readonly name: string | undefined; readonly none: boolean };
  readonly repo: RepoWish;
  readonly runArgs: readonly string[];
  /** Path of the private key that is to open the run; undefined: the user's own. */
  readonly sshIdentity: string | undefined;
}

/** Without a repository every run has this one, which holds nothing (docs/spec/http-api.md §2.5). */
const NO_REPO = {
  repo_id: "none",
  repo_data: { repo_type: "virtual" as const },
  repo_code_hash: null,
  repo_dir: null,
};

export interface MadeRunSpec {
  readonly spec: RunSpec;
  /** Local changes of the repository, to be uploaded before the run is submitted. */
  readonly code: Diff | undefined;
}

/**
 * What is sent to be planned and run: the configuration with the command line over it and everything filled in that
 * only this machine knows, and the local files uploaded.
 */
export const makeRunSpec = async (ctx: Context, wanted: Wanted): Promise<MadeRunSpec> => {
  const { api, source, runArgs } = wanted;
  const { env, cwd, home } = ctx;
  const overridden = withOverrides(wanted.configuration, wanted.overrides);
  const resolved = resolveRun(overridden, { path: source.shownAs, text: source.text, env, runArgs });
  const profile = await findProfile({ ...wanted.profile, env, cwd, home });
  const { files, archives } = await sendFiles(ctx, api, { files: resolved.files, dir: source.dir });
  const repo = await repoOf(ctx, wanted, resolved);
  const { code, ...ofRepo } = repo ?? { ...NO_REPO, code: undefined };
  const spec = {
    ...ofRepo,
    run_name: resolved.name,
    file_archives: archives,
    working_dir: null,
    configuration_path: source.path,
    configuration: { ...resolved, files, ...(wanted.repo.none ? { repos: [] } : {}) },
    profile: profile ?? Profile.parse({ name: "default" }),
    ssh_key_pub: await publicKey(wanted.sshIdentity),
  };
  return { spec, code };
};

const publicKey = async (identity: string | undefined): Promise<string | null> => {
  if (identity === undefined) return null;
  const { publicKeyOf } = await import("./sshIdentity.ts");
  return publicKeyOf(identity);
};

/** Most runs have none: then nothing of it is loaded. */
const repoOf = async (
  ctx: Context,
  { api, repo: wish, source: { dir } }: Wanted,
  configuration: RunConfiguration,
): Promise<RunRepo | undefined> => {
  if (configuration.repos.length === 0 && wish.repo === undefined) return undefined;
  const { prepareRunRepo } = await import("../repos/runRepo.ts");
  return prepareRunRepo(ctx, api, { configuration, wish, dir });
};

const sendFiles = async (
  ctx: Context,
  api: Api,
  { files, dir }: { files: RunConfiguration["files"]; dir: string },
) => {
  if (files.length === 0) return { files, archives: [] };
  const { resolveFiles, uploadFiles } = await import("../files/upload.ts");
  const resolved = resolveFiles(files, { dir, home: ctx.home });
  return { files: resolved, archives: await uploadFiles(ctx, api, resolved) };
};
