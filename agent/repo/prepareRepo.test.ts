import { expect, test } from "bun:test";
import { existsSync, lstatSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pack } from "tar-stream";
import { silentLogger } from "../../shared/log.ts";
import type { AssignedRepo } from "../../shared/protocol/assignment.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { git, newRepo, startGitServer, writeTree } from "../testing/gitServer.ts";
import { prepareRepo } from "./prepareRepo.ts";

type Remote = NonNullable<AssignedRepo["remote"]>;
const CODE = "0".repeat(64);

const setUp = async (options: { token?: string } = {}) => {
  const dir = tempDir();
  const work = join(dir.path, "work");
  const root = join(dir.path, "served");
  newRepo(work, join(root, "app.git"), {
    "main.py": "print(1)\n",
    "old.txt": "old\n",
    "run.sh*": "#!/bin/sh\n",
  });
  const server = await startGitServer(root, options.token);
  const head = () => git(work, "rev-parse", "HEAD").trim();
  const job = join(dir.path, "job");
  const prepare = async (remote: Partial<Remote> | null, code?: string | Uint8Array) => {
    const blob = join(dir.path, "blob");
    if (code !== undefined) writeFileSync(blob, code);
    const repo: AssignedRepo = {
      path: ".",
      if_exists: "error",
      ...(code === undefined ? {} : { code_sha256: CODE }),
      ...(remote && {
        remote: {
          clone_url: `${server.url}/app.git`,
          branch: "main",
          hash: head(),
          single_branch: true,
          ...remote,
        },
      }),
    };
    const deps = {
      fetchBlob: async () => blob,
      log: silentLogger,
      env: process.env,
      knownHosts: join(dir.path, "known_hosts"),
    };
    const signal = new AbortController().signal;
    return prepareRepo(deps, repo, { dir: job, signal });
  };
  const prepareTree = async (...args: Parameters<typeof prepare>) => (await prepare(...args)).source;
  return {
    dir,
    work,
    root,
    server,
    job,
    head,
    prepare: prepareTree,
    prepareAll: prepare,
    push: () => git(work, "push", "--quiet", "origin", "main"),
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      dir[Symbol.dispose]();
    },
  };
};

test("a repository is at the commit of the submission, on its branch, with its user, whatever was pushed since", async () => {
  await using t = await setUp();
  const hash = t.head();
  writeTree(t.work, { "main.py": "print(2)\n" });
  git(t.work, "commit", "--quiet", "-am", "second");
  t.push();
  const source = await t.prepare({ hash, config_name: "Ada", config_email: "ada@example.com" });
  expect(readFileSync(join(source, "main.py"), "utf8")).toBe("print(1)\n");
  expect(git(source, "rev-parse", "HEAD").trim()).toBe(hash);
  expect(git(source, "rev-parse", "--abbrev-ref", "HEAD").trim()).toBe("main");
  expect(git(source, "config", "user.email").trim()).toBe("ada@example.com");
  expect(statSync(join(source, "run.sh")).mode & 0o111).toBe(0o111);
  expect(git(source, "status", "--porcelain")).toBe("");
});

test("local changes are laid over it: added, changed, deleted, renamed, modes and binary files", async () => {
  await using t = await setUp();
  const bytes = new Uint8Array(3000).map((_, at) => (at * 7) % 256);
  git(t.work, "mv", "old.txt", "new.txt");
  writeTree(t.work, { "main.py": "print(3)\n", "data.bin": bytes, "deep/er/x*": "x\n" });
  git(t.work, "rm", "--quiet", "--cached", "run.sh");
  git(t.work, "add", "-A");
  const diff = git(t.work, "diff", "--binary", "--cached", "HEAD");
  const source = await t.prepare({}, diff);
  expect(readFileSync(join(source, "main.py"), "utf8")).toBe("print(3)\n");
  expect(new Uint8Array(readFileSync(join(source, "data.bin")))).toEqual(bytes);
  expect(existsSync(join(source, "old.txt"))).toBe(false);
  expect(readFileSync(join(source, "new.txt"), "utf8")).toBe("old\n");
  expect(statSync(join(source, "deep/er/x")).mode & 0o111).toBe(0o111);
});

test("a token is sent to the clone's host, and git keeps nothing of it", async () => {
  await using t = await setUp({ token: "t0ken" });
  const source = await t.prepare({ oauth_token: "t0ken" });
  expect(existsSync(join(source, "main.py"))).toBe(true);
  expect(t.server.authorizations.some((sent) => sent !== null)).toBe(true);
  expect(readdirSync(t.job).sort()).toEqual(["home", "tree"]);
  // For the job itself, which may pull and push.
  expect(readFileSync(join(t.job, "home/hosts.yml"), "utf8")).toContain("oauth_token: t0ken");
  expect(statSync(join(t.job, "home/hosts.yml")).mode & 0o777).toBe(0o600);
  expect(readFileSync(join(source, ".git/config"), "utf8")).not.toContain("t0ken");
  const wrong = await t.prepare({ oauth_token: "wr0ng" }).catch(String);
  expect(wrong).toContain(`Cannot clone ${t.server.url}/app.git`);
  expect(wrong).not.toContain("wr0ng");
  expect(existsSync(join(t.job, "git"))).toBe(false);
});

test("submodules come along, but not such as lie on the host itself", async () => {
  await using t = await setUp();
  newRepo(join(t.dir.path, "lib"), join(t.root, "lib.git"), { "lib.py": "x = 1\n" });
  // From its folder: this process, which serves it, waits for git.
  git(
    t.work,
    "-c",
    "protocol.file.allow=always",
    "submodule",
    "--quiet",
    "add",
    join(t.root, "lib.git"),
    "lib",
  );
  git(t.work, "config", "-f", ".gitmodules", "submodule.lib.url", `${t.server.url}/lib.git`);
  git(t.work, "add", "-A");
  git(t.work, "commit", "--quiet", "-m", "with a submodule");
  t.push();
  expect(readFileSync(join(await t.prepare({}), "lib/lib.py"), "utf8")).toBe("x = 1\n");

  git(t.work, "config", "-f", ".gitmodules", "submodule.lib.url", join(t.root, "lib.git"));
  git(t.work, "commit", "--quiet", "-am", "of this host");
  t.push();
  expect(t.prepare({})).rejects.toThrow("transport 'file' not allowed");
});

test("what cannot be had is said, and ends the job as the reference does", async () => {
  await using t = await setUp();
  expect(t.prepare({ hash: "1".repeat(40) })).rejects.toThrow(
    `Cannot check out the commit ${"1".repeat(40)}`,
  );
  expect(t.prepare({ hash: "--upload-pack=x" })).rejects.toThrow("this is no hash of a commit");
  expect(t.prepare({ branch: "nobody" })).rejects.toThrow("Remote branch nobody not found");
  expect(t.prepare({}, "no diff at all")).rejects.toThrow("Cannot apply the local changes");
  for (const clone_url of [
    "/etc",
    "file:///etc",
    "ext::sh -c id",
    "-upload-pack=x",
    "ssh://-oProxyCommand=x/y",
  ]) {
    const err = await t.prepare({ clone_url }).catch((caught: unknown) => caught);
    expect(err).toMatchObject({ reason: "container_exited_with_error" });
  }
});

test.skipIf(Bun.which("git-lfs") !== null)(
  "a host that cannot fetch what Git LFS keeps says so to the job's owner [needs a host without git-lfs]",
  async () => {
    await using t = await setUp();
    expect((await t.prepareAll({})).notice).toBeUndefined();
    writeTree(t.work, { ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n" });
    git(t.work, "add", "--all");
    git(t.work, "commit", "--quiet", "-m", "large files");
    t.push();
    expect((await t.prepareAll({})).notice).toBe(
      "The repository keeps files with Git LFS, and git-lfs is not installed on this host: in the place of such files there are their pointers",
    );
  },
);

test("changes cannot reach out of the tree", async () => {
  await using t = await setUp();
  const out =
    "diff --git a/../x b/../x\nnew file mode 100644\n--- /dev/null\n+++ b/../x\n@@ -0,0 +1 @@\n+x\n";
  expect(t.prepare({}, out)).rejects.toThrow("Cannot apply the local changes");
});

test("without a remote the code is a tar of everything", async () => {
  await using t = await setUp();
  const tar = pack();
  tar.entry({ name: "a.txt" }, "a");
  tar.entry({ name: "b/c.txt" }, "c");
  tar.entry({ name: "link", type: "symlink", linkname: "a.txt" });
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar as AsyncIterable<Buffer>) chunks.push(chunk);
  const source = await t.prepare(null, Buffer.concat(chunks));
  expect(readdirSync(source).sort()).toEqual(["a.txt", "b", "link"]);
  expect(lstatSync(join(source, "link")).isSymbolicLink()).toBe(true);
});
