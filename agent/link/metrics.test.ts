import { expect, test } from "bun:test";
import { silentLogger } from "../../shared/log.ts";
import type { UsageSample } from "../../shared/protocol/metrics.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { FakeCoordinator } from "../testing/fakeCoordinator.ts";
import { joinAs } from "../testing/joinFake.ts";
import { MetricsLoop } from "./metrics.ts";

/** Samples are numbered; `now` is what the test says. */
const startLoop = async (coordinator: FakeCoordinator, { hasJobs = true } = {}) => {
  const identity = await joinAs(coordinator);
  const stop = new AbortController();
  const state = { taken: 0, now: 1_000, hasJobs, padding: 0 };
  const sample = (): Promise<UsageSample> => {
    const jobs = Array.from({ length: state.padding }, () => ({
      submission_id: crypto.randomUUID(),
      cpu_us: 0,
      memory_bytes: 0,
      working_set_bytes: 0,
      gpus: [],
    }));
    return Promise.resolve({ at: ++state.taken, jobs });
  };
  const loop = new MetricsLoop({
    link: { url: coordinator.url, token: () => identity.credential.token },
    log: silentLogger,
    sample,
    hasJobs: () => state.hasJobs,
    now: () => state.now,
  });
  const done = loop.run(stop.signal);
  return {
    loop,
    state,
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await done;
    },
  };
};

const received = ({ metrics }: FakeCoordinator): number[] =>
  metrics.flatMap(({ samples }) => samples.map(({ at }) => at));

test("the first sample is sent at once, the others at the coordinator's pace, each once and in order", async () => {
  await using coordinator = new FakeCoordinator();
  await using running = await startLoop(coordinator);
  await waitFor("four samples", () => received(coordinator).length >= 4);
  expect(received(coordinator).slice(0, 4)).toEqual([1, 2, 3, 4]);
  expect(coordinator.metrics[0]?.sent_at).toBe(running.state.now);
});

test("while the coordinator is away samples are kept, and sent together when it is back", async () => {
  await using coordinator = new FakeCoordinator();
  await using running = await startLoop(coordinator);
  await waitFor("the pace", () => received(coordinator).length >= 1);
  await coordinator.down();
  const before = running.state.taken;
  await waitFor("samples meanwhile", () => running.state.taken >= before + 5);
  coordinator.up();
  await waitFor("all of them", () => received(coordinator).length >= before + 5);
  const got = received(coordinator);
  expect(got).toEqual(got.map((_, at) => at + 1));
  expect(coordinator.metrics.some(({ samples }) => samples.length > 1)).toBe(true);
});

test("an older coordinator is left alone for ten minutes, and no samples are taken for nobody", async () => {
  await using coordinator = new FakeCoordinator();
  coordinator.faults = { onMetrics: "not_found" };
  await using running = await startLoop(coordinator);
  await waitFor("the refusal", () => coordinator.requests.includes("/metrics"));
  expect(running.state.taken).toBe(1);
  expect(received(coordinator)).toEqual([]);
});

test("after ten minutes it is asked again", async () => {
  await using coordinator = new FakeCoordinator();
  await using running = await startLoop(coordinator);
  await waitFor("the pace", () => received(coordinator).length >= 1);
  coordinator.faults = { onMetrics: "not_found" };
  const asked = () => coordinator.requests.filter((path) => path === "/metrics").length;
  const before = asked();
  await waitFor("the refusal", () => asked() > before);
  const refusedAt = asked();
  coordinator.faults = {};
  await waitFor("the next sample", () => {
    // Another sample may have been on its way, and refused later.
    running.state.now += 600_001;
    return asked() > refusedAt;
  });
  await waitFor("its arrival", () => received(coordinator).at(-1) === running.state.taken);
});

test("what the coordinator cannot read is left out, and holds up nothing", async () => {
  await using coordinator = new FakeCoordinator();
  await using running = await startLoop(coordinator);
  await waitFor("the pace", () => received(coordinator).length >= 1);
  coordinator.faults = { onMetrics: "invalid" };
  const before = running.state.taken;
  await waitFor("samples that are refused", () => running.state.taken >= before + 3);
  coordinator.faults = {};
  await waitFor("the newest", () => (received(coordinator).at(-1) ?? 0) > before + 3);
  expect(received(coordinator)).not.toContain(before + 2);
});

test("a job on an idle host is looked at at once, not at the end of a long interval", async () => {
  await using coordinator = new FakeCoordinator();
  coordinator.pace = { interval_ms: 60_000, idle_interval_ms: 60_000 };
  await using running = await startLoop(coordinator, { hasJobs: false });
  await waitFor("the first sample", () => received(coordinator).length === 1);
  running.state.hasJobs = true;
  running.loop.wake();
  await waitFor("the job's", () => received(coordinator).length === 2);
});

test("more than a batch is sent in several", async () => {
  await using coordinator = new FakeCoordinator();
  await using running = await startLoop(coordinator);
  await waitFor("the pace", () => received(coordinator).length >= 1);
  await coordinator.down();
  running.state.padding = 500;
  const before = running.state.taken;
  await waitFor("samples meanwhile", () => running.state.taken >= before + 8);
  coordinator.up();
  await waitFor("all of them", () => received(coordinator).length >= before + 8);
  const sizes = coordinator.metrics.map((request) => JSON.stringify(request).length);
  expect(Math.max(...sizes)).toBeLessThan(512 * 1024);
  expect(received(coordinator)).toEqual(received(coordinator).map((_, at) => at + 1));
});
