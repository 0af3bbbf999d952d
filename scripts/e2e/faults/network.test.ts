/** A host that loses its network for a while, for real; ten minutes of it by the clock are unit tests. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { commandEnded, expectWholeLog, steadyJob, waitForLog } from "../harness/jobs.ts";
import { describeWith } from "../harness/requirements.ts";
import { NEEDS, openSystem, type System } from "../harness/system.ts";

const CUT_MS = 30_000;

describeWith([...NEEDS.process, "root"], "a network cut", () => {
  let system: System;
  beforeAll(async () => {
    system = await openSystem({ runtime: "process" });
  }, 30_000);
  afterAll(() => system[Symbol.asyncDispose]());

  test("of 30 seconds in the middle of a job costs nothing, also when the job ends meanwhile", async () => {
    const { client } = system.coordinator;
    const job = steadyJob({ lines: 300, silentS: 0, everyS: 0.05 });
    await client.dstackOk(["apply", "-y", "-d", "-f", "-"], { input: system.task("cut", job.commands) });
    await waitForLog(client, "cut", "line 20 ");
    const cutAt = Date.now();
    await system.host?.cut();
    await commandEnded("cut");
    expect((await client.getRun("cut")).status).toBe("running");
    await Bun.sleep(cutAt + CUT_MS - Date.now());
    await system.host?.mend();
    expect(await client.waitForEnd("cut", 60_000)).toMatchObject({ status: "done" });
    await expectWholeLog(client, "cut", job);
    expect((await client.getFleet("e2e")).instances[0]).toMatchObject({ status: "idle", unreachable: false });
  }, 150_000);
});
