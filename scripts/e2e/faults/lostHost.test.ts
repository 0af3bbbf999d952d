/** Hosts that lose their network for longer than their jobs may wait for it, by the real clock. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Run } from "../../../shared/api/runs.ts";
import { waitFor } from "../../../shared/testing/waitFor.ts";
import { type Cluster, openCluster } from "../harness/cluster.ts";
import { expectWholeLog, steadyJob, waitForLog } from "../harness/jobs.ts";
import { processesWith } from "../harness/leftovers.ts";
import type { Host } from "../harness/network.ts";
import { describeWith, NEEDS_CLUSTER } from "../harness/requirements.ts";

/** With the patience that is the default, and a cut of ten minutes, for those who have them: `DSTACK_E2E_LONG=1`. */
const isLong = Boolean(process.env["DSTACK_E2E_LONG"]);
const SILENCE_S = isLong ? 120 : 16;
const CUT_MS = isLong ? 600_000 : 30_000;

describeWith(NEEDS_CLUSTER, "a host that is cut off for minutes", () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await openCluster(3, { DSTACK_SERVER_HOST_SILENCE_SECONDS: String(SILENCE_S) });
  }, 60_000);
  afterAll(() => cluster[Symbol.asyncDispose]());

  test.skipIf(isLong)(
    "without its agent, too, a job that goes on elsewhere ends by its host's clock before",
    async () => {
      const { client } = cluster.coordinator;
      const text = cluster.task("orphan", ["sleep 100000"], { retry: { on_events: ["interruption"] } });
      await client.dstackOk(["apply", "-y", "-d", "-f", "-"], { input: text });
      await client.waitForRun("orphan", (run) => run.status === "running");
      const place = await placeOf(cluster, "orphan");
      const agent = cluster.hosts.find(({ host }) => host === place)?.agent;
      await agent?.program.kill9();
      const alive = () => processesWith("DSTACK_RUN_NAME=orphan\0").length;
      expect(alive()).toBeGreaterThan(0);
      await waitFor(
        "the attempt without an agent to end",
        async () => {
          expect((await client.getRun("orphan")).jobs[0]?.job_submissions).toHaveLength(1);
          return alive() === 0;
        },
        SILENCE_S * 1_250,
      );
      await client.waitForRun("orphan", hasSecondRunning, 120_000);
      agent?.restart();
      await client.dstackOk(["stop", "-y", "orphan"]);
      expect(await client.waitForEnd("orphan", 60_000)).toMatchObject({ status: "terminated" });
    },
    300_000,
  );

  test("goes on with its job by default, and with retry only another host does, never both", async () => {
    const { client } = cluster.coordinator;
    const apply = (text: string) => client.dstackOk(["apply", "-y", "-d", "-f", "-"], { input: text });
    const steady = steadyJob({ lines: CUT_MS / 1000 + 8, silentS: 0, everyS: 1 });
    await apply(cluster.task("steady", steady.commands));
    await waitForLog(client, "steady", "line 2 ");
    const retry = { on_events: ["interruption"] };
    await apply(cluster.task("moving", ["sleep 100000"], { retry }));
    await client.waitForRun("moving", (run) => run.status === "running");
    const places = await Promise.all(["steady", "moving"].map((name) => placeOf(cluster, name)));
    const cutAt = Date.now();
    await Promise.all(places.map((host) => host.cut()));
    // Its own agent ends it, cut off as it is, and before the coordinator takes it for lost.
    const alive = () => processesWith("DSTACK_RUN_NAME=moving\0").length;
    expect(alive()).toBeGreaterThan(0);
    await waitFor(
      "the old attempt to end by its own clock",
      async () => {
        expect((await client.getRun("moving")).jobs[0]?.job_submissions).toHaveLength(1);
        return alive() === 0;
      },
      SILENCE_S * 1_250,
    );
    expect((await client.getRun("moving")).status).toBe("running");
    const moved = await client.waitForRun("moving", hasSecondRunning, 120_000);
    expect(moved.jobs[0]?.job_submissions[0]).toMatchObject({ termination_reason: "instance_unreachable" });
    expect(places.map((host) => host.ip)).not.toContain((await placeOf(cluster, "moving")).ip);
    expect((await client.getRun("steady")).status).toBe("running");
    await Bun.sleep(Math.max(0, cutAt + CUT_MS - Date.now()));
    await Promise.all(places.map((host) => host.mend()));
    expect(await client.waitForEnd("steady", 120_000)).toMatchObject({ status: "done" });
    await expectWholeLog(client, "steady", steady);
    await client.dstackOk(["stop", "-y", "moving"]);
    await client.waitForEnd("moving", 60_000);
  }, 900_000);
});

const hasSecondRunning = ({ jobs: [job] }: Run): boolean =>
  job?.job_submissions.length === 2 && job.job_submissions.at(-1)?.status === "running";

/** The host that a run's job was placed on. */
const placeOf = async ({ coordinator, hosts }: Cluster, name: string): Promise<Host> => {
  const run = await coordinator.client.getRun(name);
  const ip = run.jobs[0]?.job_submissions.at(-1)?.job_provisioning_data?.internal_ip;
  const found = hosts.find(({ host }) => host.ip === ip);
  if (!found) throw new Error(`Run "${name}" is nowhere`);
  return found.host;
};
