/** Faults around the container engine and its images; see kill9.test.ts for those of any runtime. */
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import { tempDir } from "../../../shared/testing/tempDir.ts";
import { TEST_IMAGE } from "../harness/image.ts";
import { expectWholeLog, steadyJob } from "../harness/jobs.ts";
import { type Registry, startRegistry } from "../harness/registry.ts";
import { describeWith } from "../harness/requirements.ts";
import { NEEDS, openSystem, type System } from "../harness/system.ts";

const JOB = steadyJob({ lines: 20, silentS: 0 });

describeWith([...NEEDS.docker, "registry"], "the engine and its images", () => {
  let system: System;
  let registry: Registry;
  const undo = new AsyncDisposableStack();
  beforeAll(async () => {
    const { path } = undo.use(tempDir());
    system = undo.use(
      await openSystem({
        runtime: "docker",
        registry: async (ip) => {
          registry = await startRegistry({ ip, dir: join(path, "registry") });
          return registry.address;
        },
      }),
    );
    undo.use(registry);
  }, 90_000);
  afterAll(() => undo.disposeAsync());
  beforeEach(() => system.ensureUp());

  /** An image that only the registry has. */
  const publish = async (name: string): Promise<string> => {
    const image = `${registry.address}/e2e/${name}:1`;
    await system.engine?.docker("tag", TEST_IMAGE, image);
    await system.engine?.docker("push", "-q", image);
    await system.engine?.docker("rmi", image);
    return image;
  };
  const submit = async (name: string, image: string) => {
    const task = system.task(name, JOB.commands, { image });
    await system.coordinator.client.dstackOk(["apply", "-y", "-d", "-f", "-"], { input: task });
  };
  const expectWhole = async (name: string) => {
    const { client } = system.coordinator;
    expect(await client.waitForEnd(name, 60_000)).toMatchObject({ status: "done" });
    await expectWholeLog(client, name, JOB);
  };

  test("an image is pulled, and the run says so meanwhile", async () => {
    const image = await publish("plain");
    registry.program.freeze();
    await submit("pulls", image);
    await system.coordinator.client.waitForRun(
      "pulls",
      (run) => run.jobs[0]?.job_submissions.at(-1)?.status === "pulling",
    );
    registry.program.thaw();
    await expectWhole("pulls");
  }, 90_000);

  test("kill -9 of the agent while an image is pulled", async () => {
    const image = await publish("killed");
    registry.program.freeze();
    await submit("killed-pulling", image);
    await system.coordinator.client.waitForRun(
      "killed-pulling",
      (run) => run.jobs[0]?.job_submissions.at(-1)?.status === "pulling",
    );
    await system.agent.program.kill9();
    registry.program.thaw();
    system.agent.restart();
    await expectWhole("killed-pulling");
  }, 90_000);

  test("kill -9 of the agent while the engine creates the container", async () => {
    system.engine?.program.freeze();
    await submit("killed-creating", TEST_IMAGE);
    await system.coordinator.client.waitForRun("killed-creating", (run) =>
      ["provisioning", "pulling"].includes(run.jobs[0]?.job_submissions.at(-1)?.status ?? ""),
    );
    await system.agent.program.kill9();
    system.engine?.program.thaw();
    system.agent.restart();
    await expectWhole("killed-creating");
  }, 90_000);

  test("an image that does not exist fails the run with the engine's own words", async () => {
    const { client } = system.coordinator;
    const image = `${registry.address}/e2e/absent:1`;
    const task = system.task("no-image", ["echo never"], { image });
    const { code, stdout } = await client.dstack(["apply", "-y", "-f", "-"], { input: task });
    expect(code).toBe(1);
    expect(stdout).toContain("e2e/absent");
    expect(await client.getRun("no-image")).toMatchObject({
      status: "failed",
      latest_job_submission: { termination_reason: "creating_container_error" },
    });
  }, 60_000);
});
