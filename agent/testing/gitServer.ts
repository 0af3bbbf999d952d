import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Bare repositories of a folder over HTTP, by git's own CGI (git-http-backend(1)). */
export interface GitServer extends AsyncDisposable {
  url: string;
  /** Authorization headers, as they came. */
  authorizations: (string | null)[];
}

/** `token`: the only password that lets in; without one everybody is. */
export const startGitServer = async (
  folder: string,
  token?: string,
  hostname = "127.0.0.1",
): Promise<GitServer> => {
  const authorizations: (string | null)[] = [];
  const server = Bun.serve({
    hostname,
    port: 0,
    fetch: async (request) => {
      const authorization = request.headers.get("authorization");
      authorizations.push(authorization);
      const given = Buffer.from(authorization?.replace(/^Basic /, "") ?? "", "base64").toString();
      if (token !== undefined && given.split(":")[1] !== token)
        return new Response("No", { status: 401, headers: { "www-authenticate": "Basic" } });
      return backend(folder, request);
    },
  });
  return {
    url: `http://${hostname}:${server.port}`,
    authorizations,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
};

const backend = async (folder: string, request: Request): Promise<Response> => {
  const { pathname, search } = new URL(request.url);
  const child = Bun.spawn(["git", "http-backend"], {
    env: {
      GIT_CONFIG_GLOBAL: "/dev/null",
      // The folders of tests belong to whoever runs them.
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: "safe.directory",
      GIT_CONFIG_VALUE_0: "*",
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: "1",
      PATH_INFO: pathname,
      QUERY_STRING: search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers.get("content-type") ?? "",
      HTTP_CONTENT_ENCODING: request.headers.get("content-encoding") ?? "",
      GIT_PROTOCOL: request.headers.get("git-protocol") ?? "",
    },
    stdin: new Uint8Array(await request.arrayBuffer()),
    stdout: "pipe",
    stderr: "ignore",
  });
  const bytes = new Uint8Array(await new Response(child.stdout).arrayBuffer());
  const end = Buffer.from(bytes).indexOf("\r\n\r\n");
  const headers = new Headers();
  for (const line of new TextDecoder().decode(bytes.subarray(0, end)).split("\r\n"))
    headers.append(line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim());
  const status = Number.parseInt(headers.get("status") ?? "200", 10);
  headers.delete("status");
  return new Response(bytes.subarray(end + 4), { status, headers });
};

/** Runs git for a test's own repositories, untouched by what the machine has configured. */
export const git = (cwd: string, ...args: string[]): string => {
  const env = {
    HOME: cwd,
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_AUTHOR_NAME: "a",
    GIT_AUTHOR_EMAIL: "a@example.com",
    GIT_COMMITTER_NAME: "a",
    GIT_COMMITTER_EMAIL: "a@example.com",
  };
  const { stdout, stderr, exitCode } = Bun.spawnSync(["git", "-c", "init.defaultBranch=main", ...args], {
    cwd,
    env,
  });
  if (exitCode !== 0) throw new Error(`git ${args.join(" ")}: ${stderr}`);
  return stdout.toString();
};

/** Writes files under `dir`; names that end in `*` are executable. */
export const writeTree = (dir: string, files: Record<string, string | Uint8Array>): void => {
  for (const [name, content] of Object.entries(files)) {
    const path = join(dir, name.replace(/\*$/, ""));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    if (name.endsWith("*")) chmodSync(path, 0o755);
  }
};

/** A repository with one commit of these files, and the bare one at `bare` that it is pushed to. */
export const newRepo = (work: string, bare: string, files: Record<string, string | Uint8Array>): void => {
  mkdirSync(work, { recursive: true });
  git(work, "init", "--quiet");
  writeTree(work, files);
  git(work, "add", "-A");
  git(work, "commit", "--quiet", "-m", "first");
  git(work, "clone", "--quiet", "--bare", work, bare);
  git(work, "remote", "add", "origin", bare);
  git(work, "fetch", "--quiet");
  git(work, "branch", "--quiet", "--set-upstream-to=origin/main");
};
