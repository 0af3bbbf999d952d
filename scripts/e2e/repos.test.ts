import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type GitServer, git, newRepo, startGitServer, writeTree } from "../../agent/testing/gitServer.ts";
import { describeWith } from "./harness/requirements.ts";
import { NEEDS, openSystem, type System } from "./harness/system.ts";

const TOKEN = "t0ken-of-the-tests";

for (const runtime of ["process", "docker"] as const) {
  describeWith(NEEDS[runtime], `repositories and secrets, ${runtime} runtime`, () => {
    const undo = new AsyncDisposableStack();
    let system: System;
    let server: GitServer;
    let work: string;
    beforeAll(async () => {
      system = undo.use(await openSystem({ runtime }));
      const { home, url } = system.coordinator;
      work = join(home, "app");
      newRepo(work, join(home, "served", "app.git"), {
        "main.sh": "echo old\n",
        "data.txt": "of the commit\n",
      });
      server = undo.use(await startGitServer(join(home, "served"), TOKEN, new URL(url).hostname));
      git(work, "remote", "set-url", "origin", `${server.url}/app.git`);
      writeTree(work, { "main.sh": "cat data.txt; echo changed\n" });
    }, 90_000);
    afterAll(() => undo.disposeAsync(), 60_000);

    const apply = async (name: string, commands: string[], more: Record<string, unknown>) => {
      const file = join(system.coordinator.home, `${name}.dstack.yml`);
      await Bun.write(file, system.task(name, commands, more));
      return system.coordinator.client.dstack(["apply", "-y", "-f", file], { cwd: system.coordinator.home });
    };

    test("a private checkout with local changes is where the job wants it, and its token nowhere", async () => {
      const { client } = system.coordinator;
      expect(await client.dstackOk(["init", "-P", work, "-t", TOKEN])).toBe("OK\n");
      const commands = ["cd src", "sh main.sh", 'echo "in $DSTACK_REPO_DIR"', "env | grep -c t0ken || true"];
      const { stdout } = await apply("with-repo", commands, { repos: ["app:src"] });
      expect(stdout).toMatch(/^of the commit\r?\nchanged\r?\nin \/.*src\r?\n0\r?$/m);
      expect(stdout).toContain("Exited (0)");
      if (runtime === "docker") {
        const shown = ["ls -l ~/.config/gh/hosts.yml", "grep -c oauth_token ~/.config/gh/hosts.yml"];
        const { stdout: own } = await apply("with-creds", shown, { repos: ["app:src"] });
        expect(own).toMatch(/^-rw-------[\s\S]*^1\r?$/m);
      }
      for (const { program } of [system.coordinator, system.agent])
        expect(program.output()).not.toContain(TOKEN);
    }, 60_000);

    test("a folder that holds something is left alone, or said", async () => {
      const there = join(system.dir, "kept");
      writeTree(there, { "mine.txt": "mine\n" });
      const volumes = [`${there}:${runtime === "docker" ? "/kept" : there}`];
      const path = runtime === "docker" ? "/kept" : there;
      const repos = (if_exists: string) => [{ local_path: "app", path, if_exists }];
      const skipped = await apply("skips", [`ls ${path}`], { volumes, repos: repos("skip") });
      expect(skipped.stdout).toMatch(/^mine.txt\r?$/m);
      const refused = await apply("refuses", [`ls ${path}`], { volumes, repos: repos("error") });
      expect(refused.code).toBe(1);
      const { latest_job_submission: job } = await system.coordinator.client.getRun("refuses");
      expect(job).toMatchObject({
        termination_reason: "container_exited_with_error",
        exit_status: null,
        termination_reason_message: expect.stringContaining("for the repository is not empty"),
      });
    }, 60_000);

    test("a repository in a volume stays there", async () => {
      const there = join(system.dir, `fresh-${runtime}`);
      const path = runtime === "docker" ? "/fresh/app" : join(there, "app");
      const volumes = [`${there}:${runtime === "docker" ? "/fresh" : there}`];
      const { stdout } = await apply("stays", [`cat ${path}/data.txt`], {
        volumes,
        repos: [{ local_path: "app", path }],
      });
      expect(stdout).toMatch(/^of the commit\r?$/m);
      expect(readFileSync(join(there, "app/data.txt"), "utf8")).toBe("of the commit\n");
    }, 60_000);

    test("a secret is in the job's environment, and in no answer", async () => {
      const { client } = system.coordinator;
      await client.dstackOk(["secret", "set", "api_key"], { input: "s3cr3t value\n" });
      expect(await client.dstackOk(["secret"])).toContain("******");
      const { stdout } = await apply("secretive", ['echo "[$KEY]"'], {
        env: { KEY: `\${{ secrets.api_key }}` },
      });
      expect(stdout).toMatch(/^\[s3cr3t value\]\r?$/m);
      expect(JSON.stringify(await client.getRun("secretive"))).not.toContain("s3cr3t");
    }, 60_000);
  });
}
