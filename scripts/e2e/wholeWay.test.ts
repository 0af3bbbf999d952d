import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { keepsWaitStatus } from "../../agent/testing/kernel.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { processesWith } from "./harness/leftovers.ts";
import { describeWith } from "./harness/requirements.ts";
import { NEEDS, openSystem, type System } from "./harness/system.ts";

/** docs/spec/lifecycle.md §1.4; of a container only where the kernel tells, for its engine says what a shell would. */
const KILLED = { process: -1, docker: keepsWaitStatus() ? -1 : 137 };

for (const runtime of ["process", "docker"] as const) {
  describeWith(NEEDS[runtime], `the whole way, ${runtime} runtime`, () => {
    let system: System;
    beforeAll(async () => {
      system = await openSystem({ runtime });
    }, 90_000);
    afterAll(() => system[Symbol.asyncDispose]());

    test("apply shows the plan, the output as it is printed, and the end", async () => {
      const { client } = system.coordinator;
      const file = join(system.coordinator.home, "hello.yml");
      const commands = ["echo first", "sleep 1.5", "echo second"];
      await Bun.write(file, system.task("hello", commands));
      await using apply = client.startDstack(["apply", "-y", "-f", file], {
        logFile: join(system.dir, "apply.log"),
      });
      await apply.waitForOutput(/^first\r?$/m);
      expect(apply.output()).not.toMatch(/^second\r?$/m);
      expect(apply.output()).toMatch(/Project\s+main/);
      expect((await client.getRun("hello")).status).toBe("running");
      expect(await apply.exited).toBe(0);
      expect(apply.output()).toMatch(/^second\r?$/m);
      expect(apply.output()).toContain("Exited (0)");
      expect((await client.getRun("hello")).status).toBe("done");
      expect(await client.dstackOk(["logs", "hello"])).toMatch(/^first\r?\nsecond\r?\n$/m);
    }, 30_000);

    test.each([
      { name: "ends-with-3", command: "exit 3", shown: "Exited (3)", exitStatus: 3 },
      // `$$$$`: the configuration language makes one `$` of two (docs/spec/cli.md §4).
      {
        name: "ends-by-signal",
        command: "sleep 1; kill -KILL $$$$",
        shown: `Exited (${KILLED[runtime]})`,
        exitStatus: KILLED[runtime],
      },
    ])(
      "$name: exit code 1, with the command's own exit status",
      async ({ name, command, shown, exitStatus }) => {
        const { client } = system.coordinator;
        const task = system.task(name, ["echo going", command]);
        const { code, stdout } = await client.dstack(["apply", "-y", "-f", "-"], { input: task });
        expect(stdout).toContain("going");
        expect(stdout).toContain(shown);
        expect(code).toBe(1);
        const ended = await client.getRun(name);
        expect(ended.status).toBe("failed");
        expect(ended.latest_job_submission).toMatchObject({
          exit_status: exitStatus,
          termination_reason: "container_exited_with_error",
        });
      },
      30_000,
    );

    test("stop ends a run that would go on, and its host is free again", async () => {
      const { client } = system.coordinator;
      const task = system.task("endless", ["echo up", "sleep 600"]);
      await client.dstackOk(["apply", "-y", "-d", "-f", "-"], { input: task });
      await client.waitForRun("endless", ({ status }) => status === "running");
      await client.dstackOk(["stop", "-y", "endless"]);
      expect((await client.waitForEnd("endless")).status).toBe("terminated");
      expect((await client.getFleet("e2e")).instances[0]?.status).toBe("idle");
    }, 30_000);

    test("files beside the configuration are there when the command starts, and its environment is set", async () => {
      const { client, home } = system.coordinator;
      const folder = join(home, "project");
      await Bun.write(join(folder, "data/words.txt"), "from a file\n");
      await Bun.write(join(folder, "run.sh"), 'cat data/words.txt; echo "$GREETING, $DSTACK_RUN_NAME"\n');
      const more = { files: ["data", "run.sh"], env: { GREETING: "hello" } };
      const task = system.task("with-files", ["sh run.sh"], more);
      await Bun.write(join(folder, "task.dstack.yml"), task);
      const shown = await client.dstackOk(["apply", "-y", "-f", "task.dstack.yml"], { cwd: folder });
      expect(shown).toMatch(/^from a file\r?\nhello, with-files\r?$/m);
    }, 30_000);

    test("what a job leaves on the host is removed", async () => {
      const { client } = system.coordinator;
      await client.dstackOk(["apply", "-y", "-f", "-"], { input: system.task("tidy", ["echo done"]) });
      await waitFor("the host to be tidy", async () => {
        const containers = await system.engine?.docker("ps", "-aq");
        return !containers && processesWith("DSTACK_RUN_NAME=tidy\0").length === 0;
      });
    }, 30_000);
  });
}
