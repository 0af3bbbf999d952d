import { describe, expect, test } from "bun:test";
import type { GpuUsage, UsageSample } from "../../shared/protocol/metrics.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import type { InstanceRow } from "../store/instances.ts";
import { listHostPoints, listJobPoints } from "../store/usage.ts";
import { listTold } from "../testing/listTold.ts";
import { type OpenedEngine, openEngine } from "../testing/openEngine.ts";
import { hostRow } from "../testing/testEngine.ts";

const POLICY = { utilization_policy: { min_gpu_utilization: 40, time_window: "5m" } };
const EVERY_MS = 10_000;

const aJob = (id: string, gpus: GpuUsage[] = [{ utilization: 0 }]) => ({
  submission_id: id,
  cpu_us: 1,
  memory_bytes: 1,
  working_set_bytes: 1,
  gpus,
});

const aSample = (at: number, id: string, gpus?: GpuUsage[]): UsageSample => ({ at, jobs: [aJob(id, gpus)] });

/** A run of this configuration that runs on a host of its own. */
const startRun = async (opened: OpenedEngine, configuration: Record<string, unknown> = {}) => {
  const { engine } = opened;
  const host = await engine.addHost(hostRow(0));
  await engine.submit("train", configuration);
  const id = await engine.takeOne(host);
  await engine.running(host, id);
  return { host, id };
};

/** The host says this now. */
const say = ({ engine, clock }: OpenedEngine, host: InstanceRow, samples: UsageSample[]) =>
  engine.usage.take(host, { sent_at: clock.now(), samples });

/** A sample of the job every ten seconds for so long. */
const sampleFor = async (
  opened: OpenedEngine,
  { host, id }: { host: InstanceRow; id: string },
  { seconds, gpus = () => [{ utilization: 0 }] }: { seconds: number; gpus?: (at: number) => GpuUsage[] },
) => {
  for (let at = 0; at < seconds; at += 10) {
    await say(opened, host, [aSample(opened.clock.now(), id, gpus(at))]);
    opened.clock.advance(EVERY_MS);
  }
};

describe("what is kept", () => {
  test("a sample of a job and of its host, each once however often it is sent", async () => {
    await using opened = await openEngine();
    const { host, id } = await startRun(opened);
    const at = opened.clock.now();
    const gpus = [
      { utilization: 97, memory_bytes: 5, memory_total_bytes: 10, temperature: 61, power: 512.5 },
      {},
    ];
    const ofHost = { cpu_us: 9, memory_bytes: 2, memory_total_bytes: 4, gpus: [] };
    const sample = { at, host: ofHost, jobs: [aJob(id, gpus)] };
    await say(opened, host, [sample]);
    await say(opened, host, [sample]);
    const [point, ...others] = await listJobPoints(opened.engine.db, id);
    expect(point).toMatchObject({ at, cpu_us: 1, working_set_bytes: 1, network_in_bytes: null });
    expect(point?.gpus[0]).toEqual(gpus[0]);
    expect(point?.gpus[1]).toMatchObject({ utilization: null, power: null });
    expect(others).toEqual([]);
    expect(await listHostPoints(opened.engine.db, host.id)).toMatchObject([{ at, memory_total_bytes: 4 }]);
  });

  test("nothing that a host says of another host's jobs, or of none that there is", async () => {
    await using opened = await openEngine();
    const { id } = await startRun(opened);
    const other = await opened.engine.addHost(hostRow(1));
    const at = opened.clock.now();
    await say(opened, other, [{ at, jobs: [aJob(id), aJob(crypto.randomUUID())] }]);
    expect(await listJobPoints(opened.engine.db, id)).toEqual([]);
  });

  test("of a host whose clock is wrong by an hour, the samples are set right", async () => {
    await using opened = await openEngine();
    const { host, id } = await startRun(opened);
    const now = opened.clock.now();
    const ahead = now + 3_600_000;
    const samples = [aSample(ahead - 20_000, id), aSample(ahead - 10_000, id)];
    await opened.engine.usage.take(host, { sent_at: ahead, samples });
    expect((await listJobPoints(opened.engine.db, id)).map(({ at }) => at)).toEqual([
      now - 10_000,
      now - 20_000,
    ]);
  });

  test("the last hour of what runs", async () => {
    await using opened = await openEngine();
    const { host, id } = await startRun(opened);
    const count = async () => (await listJobPoints(opened.engine.db, id)).length;
    await say(opened, host, [aSample(opened.clock.now(), id)]);
    opened.clock.advance(1_800_000);
    await say(opened, host, [aSample(opened.clock.now(), id)]);
    expect(await count()).toBe(2);
    opened.clock.advance(1_860_000);
    await waitFor("the older one to be gone", async () => (await count()) === 1);
  });
});

test("the pace is ten seconds for few hosts, and slower for many", async () => {
  await using opened = await openEngine();
  const { host, id } = await startRun(opened);
  const sample = aSample(opened.clock.now(), id);
  expect(await say(opened, host, [sample])).toEqual({ interval_ms: 10_000, idle_interval_ms: 60_000 });
  for (let num = 1; num < 2_000; num++) opened.engine.capacity.set(hostRow(num), "lab");
  expect(await say(opened, host, [sample])).toEqual({ interval_ms: 20_000, idle_interval_ms: 120_000 });
  for (let num = 2_000; num < 20_000; num++) opened.engine.capacity.set(hostRow(num), "lab");
  expect(await say(opened, host, [sample])).toEqual({ interval_ms: 30_000, idle_interval_ms: 900_000 });
});

describe("utilization_policy", () => {
  test("ends a run whose GPU was idle for the whole window: terminated, with the reason at its job", async () => {
    await using opened = await openEngine();
    const job = await startRun(opened, POLICY);
    await sampleFor(opened, job, { seconds: 240 });
    expect((await opened.engine.run("train")).status).toBe("running");
    await sampleFor(opened, job, { seconds: 10 });
    expect(await opened.engine.latest("train")).toMatchObject({
      status: "terminating",
      termination_reason: "terminated_due_to_utilization_policy",
      termination_reason_message: "The job GPU utilization below 40% for 300 seconds",
      stop_grace_ms: 0,
    });
    expect(await listTold(opened.engine.db)).toContain(
      "[job train-0-0] Job status changed RUNNING -> TERMINATING. Termination reason: TERMINATED_DUE_TO_UTILIZATION_POLICY (The job GPU utilization below 40% for 300 seconds)",
    );
    await opened.engine.finished(job.host, job.id, { exit: 137 });
    expect(await opened.engine.latest("train")).toMatchObject({ status: "terminated" });
    expect(await opened.engine.run("train")).toMatchObject({
      status: "terminated",
      termination_reason: "ended_by_policy",
    });
  });

  test("leaves alone a run that was busy once in every window", async () => {
    await using opened = await openEngine();
    const job = await startRun(opened, POLICY);
    const gpus = (at: number) => [{ utilization: at % 300 === 0 ? 80 : 0 }];
    await sampleFor(opened, job, { seconds: 1800, gpus });
    expect((await opened.engine.run("train")).status).toBe("running");
  });

  test("one idle GPU among busy ones is enough", async () => {
    await using opened = await openEngine();
    const job = await startRun(opened, POLICY);
    await sampleFor(opened, job, { seconds: 250, gpus: () => [{ utilization: 99 }, { utilization: 0 }] });
    expect((await opened.engine.latest("train")).status).toBe("terminating");
  });

  test("a restart of the coordinator in the middle of the window changes nothing", async () => {
    await using opened = await openEngine();
    const job = await startRun(opened, POLICY);
    await sampleFor(opened, job, { seconds: 130 });
    await opened.restart();
    await sampleFor(opened, job, { seconds: 110 });
    expect((await opened.engine.latest("train")).status).toBe("running");
    await sampleFor(opened, job, { seconds: 10 });
    expect((await opened.engine.latest("train")).status).toBe("terminating");
  });

  test("what a host that was cut off says at once, ends the run just as well", async () => {
    await using opened = await openEngine();
    const { host, id } = await startRun(opened, POLICY);
    opened.clock.advance(300_000);
    const now = opened.clock.now();
    await say(
      opened,
      host,
      Array.from({ length: 31 }, (_, at) => aSample(now - 300_000 + at * EVERY_MS, id)),
    );
    expect((await opened.engine.latest("train")).termination_reason).toBe(
      "terminated_due_to_utilization_policy",
    );
  });

  test("a stop that came first stays the reason", async () => {
    await using opened = await openEngine();
    const job = await startRun(opened, POLICY);
    await sampleFor(opened, job, { seconds: 230 });
    await opened.engine.engine.stopRun((await opened.engine.run("train")).id, false);
    await sampleFor(opened, job, { seconds: 30 });
    expect(await opened.engine.latest("train")).toMatchObject({ termination_reason: "terminated_by_user" });
  });

  test("the other nodes of the task end with it", async () => {
    await using opened = await openEngine();
    const { engine } = opened;
    const [first, second] = [await engine.addHost(hostRow(0)), await engine.addHost(hostRow(1))];
    await engine.submit("train", { ...POLICY, nodes: 2 });
    const [id, other] = [await engine.takeOne(first), await engine.takeOne(second)];
    await engine.running(first, id);
    await engine.running(second, other);
    await sampleFor(opened, { host: first, id }, { seconds: 250 });
    const ends = async () => (await engine.submissions("train")).map((job) => job.termination_reason).sort();
    expect(await ends()).toEqual(["terminated_by_server", "terminated_due_to_utilization_policy"]);
  });

  test("it is no failure that retry would try again", async () => {
    await using opened = await openEngine();
    const job = await startRun(opened, { ...POLICY, retry: { on_events: ["error"], duration: "1h" } });
    await sampleFor(opened, job, { seconds: 250 });
    await opened.engine.finished(job.host, job.id, { exit: 137 });
    expect((await opened.engine.run("train")).status).toBe("terminated");
    expect(await opened.engine.submissions("train")).toHaveLength(1);
  });
});
