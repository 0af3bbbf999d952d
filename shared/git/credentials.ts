import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** With what a repository is cloned; neither: it is public. */
export interface CloneCredentials {
  clone_url: string;
  private_key?: string | null | undefined;
  oauth_token?: string | null | undefined;
}

/** For git that nothing configured on the machine decides for, and that asks nobody (git(1), ENVIRONMENT). */
export const GIT_ALONE = {
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_TERMINAL_PROMPT: "0",
  GIT_ASKPASS: "",
  SSH_ASKPASS: "",
  LC_ALL: "C",
};

export interface LentCredentials extends Disposable {
  /** What git gets in its environment, which only this user's processes can read. */
  env: Record<string, string>;
}

/**
 * Lets git in, for as long as it is not disposed. A token never is an argument, which every user of the host could read,
 * and goes to the host of the clone alone; a key is a file that only the agent's user can read, in `dir`.
 *
 * Keys of hosts are learned at the first use and remembered in `knownHosts`: another key later is refused.
 */
export const lendCredentials = (
  { clone_url: url, private_key: key, oauth_token: token }: CloneCredentials,
  { dir, knownHosts }: { dir: string; knownHosts: string },
): LentCredentials => {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const lines = [
    "BatchMode yes",
    "StrictHostKeyChecking accept-new",
    `UserKnownHostsFile ${quoted(knownHosts)}`,
    "IdentitiesOnly yes",
  ];
  if (key) {
    const path = join(dir, "key");
    writeFileSync(path, key.endsWith("\n") ? key : `${key}\n`, { mode: 0o600 });
    lines.push(`IdentityFile ${quoted(path)}`);
  }
  const config = join(dir, "ssh_config");
  writeFileSync(config, `Host *\n${lines.map((line) => `  ${line}\n`).join("")}`, { mode: 0o600 });
  const origin = token ? originOf(url) : undefined;
  return {
    env: {
      HOME: dir,
      // A shell reads this one, so it holds nothing but the name of a variable.
      GIT_SSH_COMMAND: 'ssh -F "$DSTACK_SSH_CONFIG"',
      DSTACK_SSH_CONFIG: config,
      ...(token && origin ? headerFor(origin, token) : {}),
    },
    [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }),
  };
};

/** For ssh_config(5). */
const quoted = (path: string): string => `"${path.replaceAll("%", "%%")}"`;

/** `https://host:port/`; undefined where a token is of no use. */
const originOf = (url: string): string | undefined =>
  /^https?:\/\//i.test(url) && URL.canParse(url) ? `${new URL(url).origin}/` : undefined;

/** Any user name will do, the token is the password (docs/spec/agent.md §2.12). git-config(1), GIT_CONFIG_COUNT. */
const headerFor = (origin: string, token: string): Record<string, string> => ({
  GIT_CONFIG_COUNT: "1",
  GIT_CONFIG_KEY_0: `http.${origin}.extraHeader`,
  GIT_CONFIG_VALUE_0: `Authorization: Basic ${Buffer.from(`anything:${token}`).toString("base64")}`,
});
