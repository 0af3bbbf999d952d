import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { prepareRepo } from "../../agent/repo/prepareRepo.ts";
import { type GitServer, git, newRepo, startGitServer, writeTree } from "../../agent/testing/gitServer.ts";
import { silentLogger } from "../../shared/log.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { type Lab, openLab } from "./lab.ts";

// From a checkout, over the command line and the coordinator, to the folder that a host puts it together in again.

interface RepoLab extends Lab {
  readonly work: string;
  readonly server: GitServer;
}

const openRepoLab = async (token?: string, coordinatorEnv?: Record<string, string>): Promise<RepoLab> => {
  await using opened = new AsyncDisposableStack();
  const lab = opened.use(await openLab({ env: { PATH: process.env["PATH"] ?? "" } }, coordinatorEnv));
  const served = join(lab.person.home, "served");
  const work = join(lab.person.cwd, "app");
  newRepo(work, join(served, "app.git"), { "main.py": "print(1)\n", ".gitignore": "*.ckpt\n" });
  const server = opened.use(await startGitServer(served, token));
  git(work, "remote", "set-url", "origin", `${server.url}/app.git`);
  const closers = opened.move();
  return { ...lab, work, server, [Symbol.asyncDispose]: () => closers.disposeAsync() };
};

/** What the host would put in the job's place. */
const receive = async ({ agent, person }: RepoLab): Promise<string> => {
  const assignment = await waitFor("the assignment", async () => {
    const [wish] = await agent.sync(1_000);
    return wish?.action === "run" && (wish.assignment ?? undefined);
  });
  if (!assignment.repo) throw new Error("The job has no repository");
  const fetchBlob = async (sha256: string) => {
    const path = join(person.home, sha256);
    await Bun.write(path, await agent.blob(sha256));
    return path;
  };
  const deps = { fetchBlob, log: silentLogger, env: process.env, knownHosts: join(person.home, "known") };
  const where = { dir: join(person.home, "job"), signal: new AbortController().signal };
  return (await prepareRepo(deps, assignment.repo, where)).source;
};

test("a checkout with local changes is the same on the host", async () => {
  await using lab = await openRepoLab();
  const bytes = new Uint8Array(2000).map((_, at) => (at * 13) % 256);
  writeTree(lab.work, {
    "main.py": "print(2)\n",
    "new file.txt": "new\n",
    "weights.bin": bytes,
    "skipped.ckpt": "large",
  });
  await lab.task("with-repo", "repos: [app:src]");
  const { out, code } = await lab.person.run(["apply", "-f", "with-repo.dstack.yml", "-y", "-d"]);
  expect({ code, out }).toMatchObject({ code: 0, out: expect.stringContaining("submitted, detaching...") });
  const { run_spec: spec } = await lab.getRun("with-repo");
  expect(spec).toMatchObject({
    repo_id: expect.stringMatching(/^app-[0-9a-z]{8}$/),
    repo_dir: "src",
    repo_data: { repo_type: "remote", repo_name: "app", repo_branch: "main" },
    repo_code_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  const source = await receive(lab);
  expect(readFileSync(join(source, "main.py"), "utf8")).toBe("print(2)\n");
  expect(readFileSync(join(source, "new file.txt"), "utf8")).toBe("new\n");
  expect(new Uint8Array(readFileSync(join(source, "weights.bin")))).toEqual(bytes);
  expect(existsSync(join(source, "skipped.ckpt"))).toBe(false);
  expect(git(source, "rev-parse", "HEAD")).toBe(git(lab.work, "rev-parse", "HEAD"));
});

test("local changes that are large go in parts, once for all of the project", async () => {
  await using lab = await openRepoLab();
  const bytes = crypto.getRandomValues(new Uint8Array(65_536));
  const large = new Uint8Array(Buffer.concat([bytes, bytes.toReversed(), bytes.map((byte) => 255 - byte)]));
  writeTree(lab.work, { "weights.bin": large });
  const apply = async (name: string) => {
    await lab.task(name, "repos: [app:src]");
    return lab.person.run(["apply", "-f", `${name}.dstack.yml`, "-y", "-d"]);
  };
  expect(await apply("large")).toMatchObject({ code: 0 });
  expect(new Uint8Array(readFileSync(join(await receive(lab), "weights.bin")))).toEqual(large);
  const { run_spec: spec } = await lab.getRun("large");
  const wish = { repo_id: spec.repo_id, hash: spec.repo_code_hash, size: 1 };
  const known = await lab.coordinator.post("/api/project/main/repos/begin_code_upload", wish);
  expect(known.body).toMatchObject({ is_known: true });
  expect(await apply("again")).toMatchObject({ code: 0 });
});

test("local changes over the limit are refused before anything is sent, with the largest", async () => {
  await using lab = await openRepoLab(undefined, { DSTACK_SERVER_UPLOAD_LIMIT: "70000" });
  writeTree(lab.work, { "weights.bin": crypto.getRandomValues(new Uint8Array(65_536)), "small.txt": "x" });
  await lab.task("too-large", "repos: [app:src]");
  const { code, out } = await lab.person.run(["apply", "-f", "too-large.dstack.yml", "-y", "-d"]);
  expect({ code, out: out.replaceAll(/\s+/g, " ") }).toMatchObject({
    code: 1,
    out: expect.stringMatching(
      /^Repo diff size is \S+KiB, which exceeds the limit of 68.4KiB\. Use \.gitignore .* The largest are weights\.bin/,
    ),
  });
});

test("a private repository needs credentials, which init keeps for its user", async () => {
  await using lab = await openRepoLab("t0ken");
  const refused = await lab.person.run(["init", "-P", "app"]);
  expect(refused).toMatchObject({ code: 1 });
  expect(refused.out).toContain(
    "No valid default Git credentials found. Pass valid `--token` or `--git-identity`.",
  );
  expect(await lab.person.run(["init", "-P", "app", "-t", "t0ken"])).toMatchObject({ code: 0, out: "OK\n" });
  await lab.task("private", "repos: [app]");
  const applied = await lab.person.run(["apply", "-f", "private.dstack.yml", "-y", "-d"]);
  expect(applied.code).toBe(0);
  expect(existsSync(join(await receive(lab), "main.py"))).toBe(true);
  // Others cannot use them.
  const other = await lab.coordinator.addUser("other", "user");
  const { run_spec } = await lab.getRun("private");
  const request = {
    plan: { run_spec: { ...run_spec, run_name: "theirs" }, current_resource: null },
    force: false,
  };
  const { status, body } = await lab.coordinator.post("/api/project/main/runs/apply", request, {
    token: other,
  });
  expect(status).toBe(400);
  expect(JSON.stringify(body)).toContain("You have given no credentials");
});

test("a URL is cloned as it is, at the branch and commit that are given", async () => {
  await using lab = await openRepoLab();
  const hash = git(lab.work, "rev-parse", "HEAD").trim();
  await lab.task("of-url");
  const args = ["--repo", `${lab.server.url}/app.git`, "--repo-branch", "main", "--repo-hash", hash];
  expect((await lab.person.run(["apply", "-f", "of-url.dstack.yml", "-y", "-d", ...args])).code).toBe(0);
  const { run_spec: spec } = await lab.getRun("of-url");
  expect(spec).toMatchObject({ repo_code_hash: null, repo_data: { repo_branch: "main", repo_hash: hash } });
  expect(existsSync(join(await receive(lab), "main.py"))).toBe(true);
});

test("what is no repository to be cloned is refused before anything is submitted", async () => {
  await using lab = await openRepoLab();
  const apply = async (name: string, ...args: string[]) =>
    (await lab.person.run(["apply", "-f", `${name}.dstack.yml`, "-y", "-d", ...args])).out;
  await lab.task("nowhere", "repos: [nothing-here]");
  expect(await apply("nowhere")).toContain("Invalid repo path: nothing-here -> ");
  await lab.task("plain");
  expect(await apply("plain", "--repo", lab.person.home)).toContain(`Git repo not found: ${lab.person.home}`);
  expect(await apply("plain", "--repo", "app", "--no-repo")).toContain(
    "Either --repo or --no-repo can be specified",
  );
  git(lab.work, "checkout", "--quiet", "-b", "local-only");
  expect(await apply("plain", "--repo", "app")).toContain("No remote branch is configured");
  git(lab.work, "checkout", "--quiet", "--detach");
  expect(await apply("plain", "--repo", "app")).toContain("Git repo in 'detached HEAD' state: ");
});

test("code of another project is not to be had by its hash", async () => {
  await using lab = await openRepoLab();
  await lab.task("mine", "repos: [app]");
  writeTree(lab.work, { "main.py": "print(2)\n" });
  await lab.person.run(["apply", "-f", "mine.dstack.yml", "-y", "-d"]);
  const { run_spec } = await lab.getRun("mine");
  expect((await lab.agent.blob(run_spec.repo_code_hash ?? "")).status).toBe(200);
  expect((await lab.coordinator.post("/api/projects/create", { project_name: "other" })).status).toBe(200);
  const init = { repo_id: run_spec.repo_id, repo_info: { repo_type: "virtual" }, repo_creds: null };
  await lab.coordinator.post("/api/project/other/repos/init", init);
  const spec = { ...run_spec, run_name: "stolen", repo_data: { repo_type: "virtual" } };
  const request = { plan: { run_spec: spec, current_resource: null }, force: false };
  const { status, body } = await lab.coordinator.post("/api/project/other/runs/apply", request);
  expect(status).toBe(400);
  expect(JSON.stringify(body)).toContain("was not uploaded for the repo");
});
