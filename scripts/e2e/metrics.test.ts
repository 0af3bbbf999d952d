/** What jobs use, from the kernel and the vendor's tool to what people see. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { type Metric, Metrics } from "../../shared/api/metrics.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { type Agent, startAgent } from "./harness/agent.ts";
import type { Client } from "./harness/client.ts";
import { type Coordinator, startCoordinator } from "./harness/coordinator.ts";
import { createFakeGpus, FAKE_MEMORY, type FakeGpus } from "./harness/fakeGpus.ts";
import { describeWith } from "./harness/requirements.ts";
import { NEEDS, openSystem, SMALL, type System } from "./harness/system.ts";

/** Two samples are ten seconds apart, and the first comes when the job begins. */
const SAMPLED_MS = 40_000;

const seriesOf = async (client: Client, name: string): Promise<ReadonlyMap<string, Metric>> => {
  const { jobs } = JSON.parse(await client.dstackOk(["metrics", name, "--json"]));
  return new Map(Metrics.parse(jobs[0]).metrics.map((metric) => [metric.name, metric]));
};

/** Waits until the job has samples of which this is true. */
const sampled = (
  client: Client,
  name: string,
  is: (series: ReadonlyMap<string, Metric>) => boolean = ({ size }) => size > 0,
): Promise<ReadonlyMap<string, Metric>> =>
  waitFor(
    `metrics of ${name}`,
    async () => {
      const series = await seriesOf(client, name);
      return is(series) && series;
    },
    SAMPLED_MS,
  );

for (const runtime of ["process", "docker"] as const) {
  describeWith(NEEDS[runtime], `metrics, ${runtime} runtime`, () => {
    let system: System;
    beforeAll(async () => {
      system = await openSystem({ runtime });
    }, 90_000);
    afterAll(() => system[Symbol.asyncDispose]());

    test("a job that computes and holds memory is seen doing so", async () => {
      const { client } = system.coordinator;
      // One shell counts, the other one holds 30 million characters: not as its last act, or sleep would take its place.
      const hold = "x=$(head -c 30000000 /dev/zero | tr '\\0' x); sleep 600; :";
      const task = system.task("burner", [`(${hold}) & while :; do :; done`]);
      await client.dstackOk(["apply", "-y", "-d", "-f", "-"], { input: task });
      const latest = (series: ReadonlyMap<string, Metric>, name: string) => series.get(name)?.values[0] ?? 0;
      const series = await sampled(
        client,
        "burner",
        (found) => latest(found, "cpu_usage_percent") > 0 && latest(found, "memory_working_set_bytes") > 25e6,
      );
      expect(latest(series, "cpu_usage_percent")).toBeLessThan(250);
      expect(latest(series, "memory_usage_bytes")).toBeLessThan(2e9);
      expect(latest(series, "cpus_detected_num")).toBeGreaterThan(0);
      expect(latest(series, "gpus_detected_num")).toBe(0);
      const shown = await client.dstackOk(["metrics", "burner"]);
      expect(shown).toMatch(/^ job=0 {2}cpu +[▁-▇ ]+ \d+% +[▁-▇ ]+ \d+MB\/\d+[MG]B$/m);
      await client.dstackOk(["stop", "-y", "-x", "burner"]);
      await client.waitForEnd("burner");
      expect((await seriesOf(client, "burner")).size).toBeGreaterThan(0);
    }, 90_000);
  });
}

describeWith(NEEDS.process.concat("root"), "metrics of GPUs", () => {
  const dir = tempDir();
  let coordinator: Coordinator;
  let gpus: FakeGpus;
  let agent: Agent;
  beforeAll(async () => {
    coordinator = await startCoordinator({
      dir: join(dir.path, "coordinator"),
      env: { DSTACK_ENABLE_PROMETHEUS_METRICS: "1" },
    });
    gpus = createFakeGpus(join(dir.path, "gpus"), 2);
    agent = await startAgent({ coordinator, dir: join(dir.path, "host"), runtime: "process", gpus });
  }, 60_000);
  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
    await coordinator[Symbol.asyncDispose]();
    dir[Symbol.dispose]();
  });

  test("those of a job arrive, each by itself; what the driver does not tell is missing alone", async () => {
    const { client } = coordinator;
    gpus.work([97, "[N/A]"]);
    const task = {
      type: "task",
      name: "trainer",
      commands: ["sleep 600"],
      resources: { ...SMALL, gpu: "H100:2" },
      utilization_policy: { min_gpu_utilization: 10, time_window: "5m" },
    };
    await client.dstackOk(["apply", "-y", "-d", "-f", "-"], { input: JSON.stringify(task) });
    const series = await sampled(client, "trainer");
    expect(series.get("gpus_detected_num")?.values[0]).toBe(2);
    expect(series.get("gpu_util_percent_gpu0")?.values[0]).toBe(97);
    expect(series.has("gpu_util_percent_gpu1")).toBe(false);
    for (const gpu of ["gpu0", "gpu1"]) {
      expect(series.get(`gpu_memory_usage_bytes_${gpu}`)?.values[0]).toBe(FAKE_MEMORY.usedMib * 1024 ** 2);
      expect(series.get(`gpu_power_watts_${gpu}`)?.values[0]).toBe(512.33);
    }
    const shown = await client.dstackOk(["metrics", "trainer"]);
    expect(shown).toMatch(/^ +gpu=0 +[▁-▇ ]+ 97% +[▁-▇ ]+ 70GB\/80GB$/m);
    expect(shown).toMatch(/^ +gpu=1 +no data +[▁-▇ ]+ 70GB\/80GB$/m);
    await client.dstackOk(["stop", "-y", "-x", "trainer"]);
    await client.waitForEnd("trainer");
  }, 90_000);
});
