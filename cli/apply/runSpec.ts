import type { RunSpec } from "../../shared/api/runs.ts";
import type { RunConfiguration } from "../../shared/config/configuration.ts";
import { type RunOverrides, withOverrides } from "../../shared/config/overrides.ts";
import { Profile } from "../../shared/config/profile.ts";
import { findProfile } from "../../shared/config/profiles.ts";
import { resolveRun } from "../../shared/config/resolve.ts";
import { AppError } from "../../shared/errors.ts";
import type { Api } from "../api/client.ts";
import type { Source } from "../configuration/source.ts";
import type { Context } from "../context.ts";

interface Wanted {
  readonly api: Api;
  readonly source: Source;
  readonly configuration: RunConfiguration;
  readonly overrides: RunOverrides;
  readonly profile: { readonly name: string | undefined; readonly none: boolean };
  readonly noRepo: boolean;
  readonly runArgs: readonly string[];
}

/** Without a repository every run has this one, which holds nothing (docs/spec/http-api.md §2.5). */
const NO_REPO = { repo_id: "none", repo_data: { repo_type: "virtual" as const } };

/**
 * What is sent to be planned and run: the configuration with the command line over it and everything filled in that
 * only this machine knows, and the local files uploaded.
 */
export const makeRunSpec = async (ctx: Context, wanted: Wanted): Promise<RunSpec> => {
  const { api, source, noRepo, runArgs } = wanted;
  const { env, cwd, home } = ctx;
  const overridden = withOverrides(wanted.configuration, wanted.overrides);
  if (overridden.repos.length > 0 && !noRepo) {
    throw new AppError("unsupported", "`repos` is not supported yet", {
      hint: "Use `files` to send a local folder, or --no-repo to go without",
    });
  }
  const resolved = resolveRun(
    { ...overridden, repos: [] },
    { path: source.shownAs, text: source.text, env, runArgs },
  );
  const profile = await findProfile({ ...wanted.profile, env, cwd, home });
  const { files, archives } = await sendFiles(api, resolved, { dir: source.dir, home });
  return {
    ...NO_REPO,
    run_name: resolved.name,
    repo_code_hash: null,
    repo_dir: null,
    file_archives: archives,
    working_dir: null,
    configuration_path: source.path,
    configuration: { ...resolved, files },
    profile: profile ?? Profile.parse({ name: "default" }),
    ssh_key_pub: null,
  };
};

const sendFiles = async (api: Api, { files }: RunConfiguration, base: { dir: string; home: string }) => {
  if (files.length === 0) return { files, archives: [] };
  const { resolveFiles, uploadFiles } = await import("../files/upload.ts");
  const resolved = resolveFiles(files, base);
  return { files: resolved, archives: await uploadFiles(api, resolved) };
};
