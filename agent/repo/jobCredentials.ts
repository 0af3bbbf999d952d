import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import type { CloneCredentials } from "../../shared/git/credentials.ts";

export interface HomeFile {
  /** A file of the host, 0600. */
  source: string;
  /** Under the job user's home. */
  target: string;
}

/**
 * With what the job itself may pull and push, as files for its user's home (docs/spec/agent.md §2.12): the key where SSH
 * looks for one, the token where GitHub's client does.
 */
export const writeJobCredentials = (
  { clone_url: url, private_key: key, oauth_token: token }: CloneCredentials,
  dir: string,
): HomeFile[] => {
  const files: { name: string; target: string; content: string }[] = [];
  if (key) files.push({ name: "id_rsa", target: "~/.ssh/id_rsa", content: key.replace(/\n*$/, "\n") });
  if (token && URL.canParse(url)) {
    const content = stringify({ [new URL(url).host]: { oauth_token: token } });
    files.push({ name: "hosts.yml", target: "~/.config/gh/hosts.yml", content });
  }
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  return files.map(({ name, target, content }) => {
    const source = join(dir, name);
    writeFileSync(source, content, { mode: 0o600 });
    return { source, target };
  });
};
