/** A container whose agent is dead, and whose job may go on elsewhere (docs/adr/0014-fence.md); processes: lostHost.test.ts. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { waitFor } from "../../../shared/testing/waitFor.ts";
import { describeWith } from "../harness/requirements.ts";
import { NEEDS, openSystem, type System } from "../harness/system.ts";

const SILENCE_S = 16;

describeWith(NEEDS.docker, "a container without its agent", () => {
  let system: System;
  beforeAll(async () => {
    system = await openSystem({
      runtime: "docker",
      coordinatorEnv: { DSTACK_SERVER_HOST_SILENCE_SECONDS: String(SILENCE_S) },
    });
  }, 90_000);
  afterAll(() => system[Symbol.asyncDispose]());

  test("is killed by its host's clock before the job may go on elsewhere", async () => {
    const { client } = system.coordinator;
    const containers = async () =>
      Number(await system.engine?.docker("ps", "-q").then((ids) => ids.split("\n").filter(Boolean).length));
    const submit = async (name: string, more: Record<string, unknown>) => {
      const input = system.task(name, ["sleep 100000"], more);
      await client.dstackOk(["apply", "-y", "-d", "-f", "-"], { input });
      await client.waitForRun(name, (run) => run.status === "running");
    };
    await submit("moves", { retry: { on_events: ["interruption"] } });
    expect(await containers()).toBe(1);
    await system.agent.program.kill9();
    await waitFor(
      "the container to end",
      async () => {
        expect((await client.getRun("moves")).jobs[0]?.job_submissions).toHaveLength(1);
        return (await containers()) === 0;
      },
      SILENCE_S * 1_250,
    );
    system.agent.restart();
    await client.waitForRun(
      "moves",
      ({ jobs: [job] }) =>
        job?.job_submissions.at(-1)?.status === "running" && job.job_submissions.length === 2,
    );
    await client.dstackOk(["stop", "-y", "moves"]);
    expect(await client.waitForEnd("moves", 60_000)).toMatchObject({ status: "terminated" });
  }, 180_000);
});
