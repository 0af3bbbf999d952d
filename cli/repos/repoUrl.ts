import { createHash } from "node:crypto";
import { checkCloneUrl } from "../../shared/config/cloneUrl.ts";

/** Where a Git repository is, however it was written. */
export interface RepoUrl {
  readonly host: string;
  /** Without a slash in front, `.git` as it was written. */
  readonly path: string;
  /** Of the form it was written in. */
  readonly scheme: "http" | "https" | "ssh" | "git";
  readonly port: string | undefined;
  readonly user: string | undefined;
}

/** Reads `https://host/path`, `ssh://user@host:port/path` and `user@host:path`; throws `invalid` on all else. */
export const parseRepoUrl = (text: string): RepoUrl => {
  checkCloneUrl(text);
  const scp = /^([\w.-]+)@([\w.-]+):(.+)$/.exec(text);
  if (scp && !text.includes("://")) {
    const [, user, host = "", path = ""] = scp;
    return { scheme: "ssh", user, host, port: undefined, path: withoutSlashes(path) };
  }
  const url = new URL(text);
  return {
    scheme: url.protocol.slice(0, -1).toLowerCase() as RepoUrl["scheme"],
    user: url.username || undefined,
    host: url.hostname,
    port: url.port || undefined,
    path: withoutSlashes(decodeURI(url.pathname)),
  };
};

const withoutSlashes = (path: string): string => path.replace(/^\/+|\/+$/g, "");
const withoutGit = (path: string): string => path.replace(/\.git$/, "");

/** A password or token that was written into it is left out. */
export const asHttps = ({ scheme, host, port, path }: RepoUrl): string => {
  const isHttp = scheme === "http" || scheme === "https";
  return `${isHttp ? scheme : "https"}://${host}${isHttp && port ? `:${port}` : ""}/${path}`;
};

export const asSsh = ({ scheme, user = "git", host, port, path }: RepoUrl): string =>
  `ssh://${scheme === "ssh" ? user : "git"}@${host}${scheme === "ssh" && port ? `:${port}` : ""}/${path}`;

export const repoName = ({ path }: RepoUrl): string => withoutGit(path.split("/").at(-1) ?? path);

const DIGITS = 32n;
const SHOWN = 8;

/**
 * The same for everybody who means this repository, over whichever protocol (docs/spec/cli.md §4.3): the name and eight
 * digits of a hash of where it is.
 */
export const repoId = (url: RepoUrl): string => {
  const hash = createHash("sha256")
    .update(`${url.host}/${withoutGit(url.path)}`)
    .digest();
  const number = BigInt(`0x${hash.reverse().toString("hex")}`);
  const digits = (number % 36n ** DIGITS).toString(36).padStart(Number(DIGITS), "0");
  return `${repoName(url)}-${digits.slice(0, SHOWN)}`;
};
