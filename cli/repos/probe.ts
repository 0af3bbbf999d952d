import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import type { RepoCreds } from "../../shared/api/repos.ts";
import { AppError } from "../../shared/errors.ts";
import { GIT_ALONE, lendCredentials } from "../../shared/git/credentials.ts";
import { runGit } from "./git.ts";
import { asHttps, asSsh, type RepoUrl } from "./repoUrl.ts";
import type { SshHost } from "./sshHost.ts";

export interface ProbeDeps {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
}

/** What the user gave on the command line. */
export interface GivenCreds {
  readonly token?: string | undefined;
  /** Path of a private key. */
  readonly identity?: string | undefined;
}

/**
 * Finds credentials with which a host can clone, by trying (docs/spec/cli.md §4.3). What was given is tried first after
 * no credentials at all; then what this machine has for the repository's host.
 */
export const findCreds = async (
  deps: ProbeDeps,
  { url, ssh, given }: { url: RepoUrl; ssh: SshHost; given: GivenCreds },
): Promise<RepoCreds> => {
  const candidates: (() => RepoCreds | undefined)[] = [
    () => ({ clone_url: asHttps(url), private_key: null, oauth_token: null }),
    () => withKey(url, given.identity),
    () => withToken(url, given.token),
    ...ssh.identityFiles.map((file) => () => withKey(url, file)),
    () => withToken(url, githubToken(deps.home, url.host)),
    () => withKey(url, join(deps.home, ".ssh", "id_rsa")),
  ];
  if (given.identity !== undefined && !existsSync(given.identity))
    throw new AppError("not_found", `There is no private key at ${given.identity}`);
  for (const candidate of candidates) {
    const creds = candidate();
    if (creds && (await letsIn(deps, creds))) return creds;
  }
  throw new AppError(
    "invalid",
    "No valid default Git credentials found. Pass valid `--token` or `--git-identity`.",
    {
      hint: "Run `dstack init --token TOKEN` or `dstack init --git-identity KEY`. A key with a passphrase will not do",
    },
  );
};

const withToken = (url: RepoUrl, token: string | undefined): RepoCreds | undefined =>
  token ? { clone_url: asHttps(url), private_key: null, oauth_token: token } : undefined;

const withKey = (url: RepoUrl, file: string | undefined): RepoCreds | undefined => {
  if (file === undefined || !existsSync(file)) return undefined;
  return { clone_url: asSsh(url), private_key: readFileSync(file, "utf8"), oauth_token: null };
};

/** Where GitHub's own client keeps its token. */
const githubToken = (home: string, host: string): string | undefined => {
  const path = join(home, ".config", "gh", "hosts.yml");
  if (!existsSync(path)) return undefined;
  const hosts: unknown = parse(readFileSync(path, "utf8"));
  const token: unknown = Reflect.get(Object(Reflect.get(Object(hosts), host)), "oauth_token");
  return typeof token === "string" ? token : undefined;
};

const letsIn = async ({ env, home }: ProbeDeps, creds: RepoCreds): Promise<boolean> => {
  const dir = mkdtempSync(join(tmpdir(), "dstack-git-"));
  using access = lendCredentials(creds, { dir, knownHosts: join(home, ".ssh", "known_hosts") });
  const args = ["ls-remote", "--symref", creds.clone_url, "HEAD"];
  const { code } = await runGit(args, { env: { ...env, ...GIT_ALONE, ...access.env } });
  return code === 0;
};
