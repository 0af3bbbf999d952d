import assert from "node:assert/strict";
import { join } from "node:path";
import { git, newRepo, writeTree } from "../../../agent/testing/gitServer.ts";
import type { Case } from "../case.ts";
import { assertHas } from "../expect.ts";
import type { GitHost } from "../gitHost.ts";
import type { Scene } from "../scene.ts";

interface Checkout {
  host: GitHost;
  work: string;
  url: string;
  /** The client is to trust the host's certificate, as it would one of a company's own. */
  env: Record<string, string>;
}

/** A checkout `app` in the client's folder, whose remote is on the Git host under the case's name. */
const checkOut = ({ stage, dir, name, version }: Scene, base: (host: GitHost) => string): Checkout => {
  const { gitHost: host } = stage;
  if (!host) throw new Error("This stage has no Git host");
  const work = join(dir, "app");
  const repo = `${name}-${version}.git`;
  newRepo(work, join(host.folder, repo), { "main.sh": "echo old\n", ".gitignore": "*.ckpt\n" });
  const url = `${base(host)}/${repo}`;
  git(work, "remote", "set-url", "origin", url);
  return { host, work, url, env: { GIT_SSL_CAINFO: host.ca } };
};

const run = async (
  { name, ok, waitForStatus }: Scene,
  file: string,
  more: string[],
  env: Checkout["env"],
) => {
  await ok(["apply", "-f", file, "-y", "-d", ...more], { env });
  const { run_spec: spec } = await waitForStatus("done");
  return { spec, log: await ok(["logs", name]) };
};

export const repoCases: Case[] = [
  {
    name: "repo-with-diff",
    expect: "a checkout with changes, new files and a commit that is pushed is the same on the host",
    covers: { apply: ["--file"] },
    run: async (scene) => {
      const { work, env } = checkOut(scene, ({ publicUrl }) => publicUrl);
      writeTree(work, { "main.sh": "echo changed\n", "new file.txt": "new\n", "big.ckpt": "ignored" });
      const file = await scene.task(["sh src/main.sh", "cat 'src/new file.txt'", "ls -1 src | cat"], {
        repos: ["app:src"],
      });
      const { spec, log } = await run(scene, file, [], env);
      assert.match(log, /^changed\r?\nnew\r?\nmain\.sh\r?\nnew file\.txt\r?$/m);
      assertHas(JSON.parse(JSON.stringify(spec)), {
        repo_id: /^repo-with-diff-.*-[0-9a-z]{8}$/,
        repo_data: { repo_type: "remote", repo_branch: "main" },
        repo_code_hash: /^[0-9a-f]{64}$/,
      });
    },
  },
  {
    name: "repo-by-flag",
    expect: "--repo with --repo-branch and --repo-hash: that commit of the remote; --no-repo: none at all",
    covers: { "apply task": ["--repo", "--repo-branch", "--repo-hash", "--no-repo"] },
    run: async (scene) => {
      const { work, url, env } = checkOut(scene, ({ publicUrl }) => publicUrl);
      const hash = git(work, "rev-parse", "HEAD").trim();
      const file = await scene.task(['sh "$DSTACK_REPO_DIR/main.sh"']);
      const flags = ["--repo", url, "--repo-branch", "main", "--repo-hash", hash];
      const { spec, log } = await run(scene, file, flags, env);
      assert.match(log, /^old\r?$/m);
      assertHas(spec.repo_data, { repo_type: "remote", repo_branch: "main", repo_hash: hash });
      const both = await scene.fails(["apply", "-f", file, "-y", "-d", "--repo", url, "--no-repo"], { env });
      assert.match(both, /Either --repo or --no-repo can be specified/);
      const name = `${scene.name}-none`;
      const without = await scene.task(["true"], { repos: [url] });
      await scene.ok(["apply", "-f", without, "-y", "-d", "--no-repo", "-n", name], { env });
      assertHas((await scene.getRun(name)).run_spec.repo_data, { repo_type: "virtual" });
    },
  },
  {
    name: "repo-with-token",
    expect: "a private repository needs --token, once: it is kept for its user, and cloned with on the host",
    covers: { "apply task": ["--token"] },
    run: async (scene) => {
      const { host, env } = checkOut(scene, ({ privateUrl }) => privateUrl);
      const file = await scene.task(["sh src/main.sh"], { repos: ["app:src"] });
      const refused = await scene.fails(["apply", "-f", file, "-y", "-d"], { env });
      assert.match(refused, /No valid default Git credentials found/);
      const { log } = await run(scene, file, ["--token", host.token], env);
      assert.match(log, /^old\r?$/m);
    },
  },
  {
    name: "repo-with-key",
    expect: "a repository over SSH, with the key of --git-identity",
    covers: { "apply task": ["--git-identity"] },
    run: async (scene) => {
      const { host, env } = checkOut(scene, ({ sshUrl }) => sshUrl);
      const file = await scene.task(["sh src/main.sh"], { repos: ["app:src"] });
      const { log } = await run(scene, file, ["--git-identity", host.key], env);
      assert.match(log, /^old\r?$/m);
    },
  },
  {
    name: "init",
    expect: "OK: credentials are kept, by token or key, for a folder or a URL; no repository: exit 1",
    covers: { init: ["--repo", "--token", "--git-identity", "--project"] },
    run: async (scene) => {
      const { host, url, env } = checkOut(scene, ({ privateUrl }) => privateUrl);
      assert.match(await scene.fails(["init", "-P", "app"], { env }), /No valid default Git credentials/);
      const kept = await scene.ok(["init", "--project", "main", "-P", "app", "-t", host.token], { env });
      assert.match(kept, /^OK$/m);
      assert.match(await scene.ok(["init", "-P", url, "-t", host.token], { env }), /^OK$/m);
      const overSsh = `${host.sshUrl}/${url.split("/").at(-1)}`;
      const args = ["init", "-P", overSsh, "--git-identity", host.key];
      assert.match(await scene.ok(args, { env }), /^OK$/m);
      assert.match(await scene.fails(["init"]), /Git repo not found/);
    },
  },
];
