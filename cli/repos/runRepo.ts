import type { RepoData } from "../../shared/api/repos.ts";
import type { RunConfiguration } from "../../shared/config/configuration.ts";
import { AppError } from "../../shared/errors.ts";
import type { Api } from "../api/client.ts";
import { findRepo, initRepo } from "../api/repos.ts";
import type { Context } from "../context.ts";
import { printInfo } from "../output/message.ts";
import { type Diff, diffLocalRepo } from "./diff.ts";
import { readLocalRepo, resolveLocalPath } from "./localRepo.ts";
import { findCreds, type GivenCreds } from "./probe.ts";
import { parseRepoUrl, type RepoUrl, repoId, repoName } from "./repoUrl.ts";
import { resolveSshHost, type SshHost } from "./sshHost.ts";
import { checkCodeSize } from "./uploadCode.ts";

/** What the command line says of the repository. */
export interface RepoWish {
  /** A folder or a URL, in place of `repos`. */
  readonly repo: string | undefined;
  readonly branch: string | undefined;
  readonly hash: string | undefined;
  readonly none: boolean;
  /** Credentials that are to be used, and kept on the server, in place of those that may be there. */
  readonly given: GivenCreds;
}

/** The repository as a run names it, and the local changes to be uploaded when it is submitted. */
export interface RunRepo {
  readonly repo_id: string;
  readonly repo_data: RepoData;
  readonly repo_code_hash: string | null;
  readonly repo_dir: string;
  readonly code: Diff | undefined;
}

export const isUrl = (text: string): boolean => /^\w+:\/\//.test(text) || /^[\w.-]+@[\w.-]+:/.test(text);

interface Where {
  readonly url: string | undefined;
  readonly local: { given: string; base: string } | undefined;
  readonly branch: string | null;
  readonly hash: string | null;
  readonly path: string;
}

/** `--repo` beats the configuration, whose place in the container stays (docs/spec/cli.md §4.3). */
const whereOf = (
  { repos: [spec] }: Pick<RunConfiguration, "repos">,
  wish: RepoWish,
  { cwd, dir }: { cwd: string; dir: string },
): Where | undefined => {
  if (wish.none) {
    if (wish.repo !== undefined) throw new AppError("invalid", "Either --repo or --no-repo can be specified");
    return undefined;
  }
  const given = wish.repo ?? spec?.local_path ?? spec?.url ?? undefined;
  if (given === undefined) return undefined;
  const isRemote = wish.repo === undefined ? Boolean(spec?.url) : isUrl(wish.repo);
  return {
    url: isRemote ? given : undefined,
    local: isRemote ? undefined : { given, base: wish.repo === undefined ? dir : cwd },
    branch: wish.branch ?? spec?.branch ?? null,
    hash: wish.hash ?? spec?.hash ?? null,
    path: spec?.path ?? ".",
  };
};

/** Makes the repository of a run known to the server, with credentials, unless the user's are known there already. */
export const prepareRunRepo = async (
  ctx: Context,
  api: Api,
  { configuration, wish, dir }: { configuration: RunConfiguration; wish: RepoWish; dir: string },
): Promise<RunRepo | undefined> => {
  const where = whereOf(configuration, wish, { cwd: ctx.cwd, dir });
  if (!where) return undefined;
  const isGiven = wish.given.token !== undefined || wish.given.identity !== undefined;
  const creds = { given: wish.given, isForced: isGiven };
  if (where.url !== undefined) {
    const { url, id } = await ensureRepo(ctx, api, { text: where.url, ...creds });
    const data = { repo_branch: where.branch, repo_hash: where.hash };
    return runRepo(url, id, { where, data: { ...data, repo_config_name: null, repo_config_email: null } });
  }
  const { given, base } = where.local ?? { given: ".", base: dir };
  const local = await readLocalRepo(resolveLocalPath(given, { base, home: ctx.home }), ctx.env);
  const [{ url, id }, code] = await Promise.all([
    ensureRepo(ctx, api, { text: local.url, ...creds }),
    diffLocalRepo(local, {
      env: ctx.env,
      onSlow: () =>
        printInfo(
          ctx,
          "Reading the local changes takes long. Push large files, or exclude them with .gitignore",
        ),
    }),
  ]);
  if (code) await checkCodeSize(api, code);
  const data = {
    repo_branch: local.branch,
    repo_hash: local.commit,
    repo_config_name: local.userName,
    repo_config_email: local.userEmail,
  };
  return runRepo(url, id, { where, data, ...(code && { code }) });
};

type RemoteData = Omit<Extract<RepoData, { repo_type: "remote" }>, "repo_type" | "repo_name">;

const runRepo = (
  url: RepoUrl,
  id: string,
  { where, data, code }: { where: Where; data: RemoteData; code?: Diff },
): RunRepo => {
  return {
    repo_id: id,
    repo_data: { repo_type: "remote", repo_name: repoName(url), ...data },
    repo_code_hash: code?.hash ?? null,
    repo_dir: where.path,
    code,
  };
};

/** Aliases of the user's SSH configuration mean nothing elsewhere. */
const withoutAlias = (url: RepoUrl, ssh: SshHost): RepoUrl => {
  if (url.scheme !== "ssh") return url;
  const port = url.port ?? (ssh.port === "22" ? undefined : ssh.port);
  return { ...url, host: ssh.hostname, port, user: url.user ?? ssh.user };
};

/** The repository behind a URL, known to the server with credentials of this user that let in. */
export const ensureRepo = async (
  { env, home }: Context,
  api: Api,
  { text, given, isForced = false }: { text: string; given: GivenCreds; isForced?: boolean },
): Promise<{ url: RepoUrl; id: string }> => {
  const written = parseRepoUrl(text);
  const ssh = await resolveSshHost(written.host, env);
  const url = withoutAlias(written, ssh);
  const id = repoId(url);
  const known = isForced ? undefined : await findRepo(api, id);
  if (known?.repo_creds) return { url, id };
  const creds = await findCreds({ env, home }, { url, ssh, given });
  await initRepo(api, {
    repo_id: id,
    repo_info: { repo_type: "remote", repo_name: repoName(url) },
    repo_creds: creds,
  });
  return { url, id };
};
