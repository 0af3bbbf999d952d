import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pack } from "tar-stream";
import { silentLogger } from "../../shared/log.ts";
import type { Assignment } from "../../shared/protocol/assignment.ts";
import type { Report } from "../../shared/protocol/report.ts";
import { FakeClock } from "../../shared/testing/fakeClock.ts";
import { testOnSmallDisk } from "../../shared/testing/smallDisk.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { StartError } from "../runtime/runtime.ts";
import { anAssignment } from "../testing/anAssignment.ts";
import { FakeRuntime } from "../testing/fakeRuntime.ts";
import { Journal } from "./journal.ts";
import { JobRunner, type RunnerDeps } from "./runner.ts";

const setUp = (dir: { path: string } & Disposable = tempDir()) => {
  const journal = Journal.open(join(dir.path, "journal.db"), silentLogger);
  const clock = new FakeClock();
  const runtime = new FakeRuntime();
  const reports: Report[] = [];
  const uploads: string[] = [];
  const deps: RunnerDeps = {
    runtimes: () => runtime,
    journal,
    clock,
    isSameBoot: true,
    log: silentLogger,
    jobsDir: join(dir.path, "jobs"),
    report: (report) => reports.push(report),
    fetchBlob: async (sha256) => join(dir.path, sha256),
    flushAgentLog: async () => {},
    prepareRepo: async ({ path, if_exists }, { dir }) => ({
      source: dir,
      target: path,
      ifExists: if_exists,
      homeFiles: [],
    }),
    uploadLog: () => ({
      grown: () => uploads.push("grown"),
      close: () => uploads.push("close"),
      retry: () => uploads.push("retry"),
      offsetAt: () => 0,
      done: Promise.resolve(),
    }),
  };
  return {
    ...deps,
    dir,
    deps,
    clock,
    runtime,
    reports,
    uploads,
    start: (overrides: Partial<Assignment> = {}) =>
      new JobRunner(deps, journal.add(anAssignment(overrides), clock.steady()), false),
    states: () => reports.map((report) => report.fact.state),
    job: () => {
      const job = runtime.jobs.at(-1);
      if (!job) throw new Error("Nothing was started");
      return job;
    },
    finished: () =>
      waitFor("the end", () => {
        const fact = reports.at(-1)?.fact;
        return fact?.state === "finished" && fact;
      }),
    [Symbol.dispose]: () => {
      journal[Symbol.dispose]();
      dir[Symbol.dispose]();
    },
  };
};

test("a job is started at once, told when it runs, and told when it has ended with the length of its output", async () => {
  using t = setUp();
  const runner = t.start();
  // No await has passed: nothing stands between an assignment and its start.
  expect(t.runtime.jobs).toHaveLength(1);
  expect(runner.held.state).toBe("preparing");
  t.job().run();
  await waitFor("running", () => runner.held.state === "running");
  t.job().print("hello");
  t.job().end();
  expect(await t.finished()).toMatchObject({ reason: "done_by_runner", exit_status: 0, log_bytes: 5 });
  expect(t.reports[0]?.fact).toEqual({
    state: "running",
    runtime_id: "1",
    working_dir: "/work",
    username: "me",
  });
  expect(t.uploads).toEqual(["grown"]);
  runner.reported(t.reports.at(-1)?.sequence ?? 0);
  expect(t.uploads).toEqual(["grown", "close"]);
});

test("a pull is told of twice a second at most, and what came last is told, too", async () => {
  using t = setUp();
  t.start();
  const { hooks } = t.job();
  const pulled = (bytes: number) => ({
    downloaded_bytes: bytes,
    extracted_bytes: 0,
    total_bytes: 9,
    is_total_bytes_final: true,
  });
  const told = () => t.reports.map(({ fact }) => fact.state === "pulling" && fact.progress?.downloaded_bytes);
  hooks.onPulling(pulled(1));
  hooks.onPulling(pulled(2));
  hooks.onPulling(pulled(3));
  expect(told()).toEqual([1]);
  t.clock.advance(500);
  expect(told()).toEqual([1, 3]);
  hooks.onPulling(pulled(4));
  t.job().run();
  await waitFor("running", () => t.states().at(-1) === "running");
  t.clock.advance(500);
  expect(t.states()).toEqual(["pulling", "pulling", "running"]);
});

test("a start that fails ends the job with its reason and message", async () => {
  using t = setUp();
  t.start();
  t.job().fail(new StartError("container_exited_with_error", "No such program", { hint: "Install it" }));
  expect(await t.finished()).toMatchObject({
    reason: "container_exited_with_error",
    message: "No such program. Install it",
    exit_status: null,
  });
});

test("stop() while a job is prepared gives it up, and while it runs hands on each grace", async () => {
  using t = setUp();
  t.start().stop(5_000);
  expect(t.job().hooks.signal.aborted).toBe(true);
  expect(await t.finished()).toMatchObject({ reason: "terminated_by_user", exit_status: null });

  const runner = t.start();
  t.job().run();
  await waitFor("running", () => runner.held.state === "running");
  runner.stop(5_000);
  runner.stop(100);
  expect(runner.held.state).toBe("stopping");
  expect(t.job().stops).toEqual([5_000, 100]);
  t.job().end({ exitStatus: -1, signal: "SIGINT", reason: "container_exited_with_error" });
  await waitFor(
    "the second end",
    () => t.reports.filter((one) => one.fact.state === "finished").length === 2,
  );
  expect(t.reports.at(-1)?.fact).toMatchObject({
    reason: "terminated_by_user",
    exit_status: -1,
    signal: "SIGINT",
  });
});

test("a job runs no longer than its longest, counted from its start and across a restart of the agent", async () => {
  using t = setUp();
  const runner = t.start({ max_duration_s: 60 });
  runner.confirm();
  t.journal.confirm([runner.id]);
  t.clock.advance(30_000);
  t.job().run();
  await waitFor("running", () => runner.held.state === "running");
  t.clock.advance(40_000);
  runner.detach();

  t.runtime.adoptable = true;
  const [entry] = t.journal.list();
  if (!entry) throw new Error("The journal is empty");
  const adopted = new JobRunner(t.deps, entry, true);
  expect(adopted.held.state).toBe("running");
  // All that adopting waits for here are promises that are resolved already.
  await new Promise(setImmediate);
  t.clock.advance(19_999);
  expect(t.job().stops).toEqual([]);
  t.clock.advance(1);
  expect(t.job().stops).toEqual([10_000]);
  t.job().end({ exitStatus: -1, signal: "SIGINT" });
  expect(await t.finished()).toMatchObject({ reason: "max_duration_exceeded" });
  expect(t.reports.map((report) => report.sequence)).toEqual([1, 2]);
});

test("a claim that nobody confirms ends by the agent's own clock; a confirmed one does not", async () => {
  using t = setUp();
  const [lost, confirmed] = [t.start({ claim_lease_ms: 1_000 }), t.start({ claim_lease_ms: 1_000 })];
  confirmed.confirm();
  for (const { run } of t.runtime.jobs) run();
  await waitFor("both", () => lost.held.state === "running" && confirmed.held.state === "running");
  t.clock.advance(999);
  expect(t.runtime.jobs.map((job) => job.stops)).toEqual([[], []]);
  t.clock.advance(1);
  expect(t.runtime.jobs.map((job) => job.stops)).toEqual([[0], []]);
});

test("forget() ends what runs or is prepared, and leaves nothing", async () => {
  using t = setUp();
  const [running, preparing] = [t.start(), t.start()];
  t.runtime.jobs[0]?.run();
  await waitFor("running", () => running.held.state === "running");
  await Promise.all([running.forget(), preparing.forget()]);
  expect(new Set(t.runtime.removed)).toEqual(new Set([running.id, preparing.id]));
  expect(t.journal.list()).toEqual([]);
  expect(existsSync(join(t.deps.jobsDir, running.id))).toBe(false);
  expect(t.states()).not.toContain("finished");
});

test("an end that was written down before a restart is told again, and nothing is started", async () => {
  using t = setUp();
  const runner = t.start();
  t.job().run();
  t.job().end({ exitStatus: 3, reason: "container_exited_with_error" });
  await t.finished();
  runner.detach();
  const [entry] = t.journal.list();
  if (!entry) throw new Error("The journal is empty");
  const adopted = new JobRunner(t.deps, entry, true);
  expect(adopted.held.state).toBe("finished");
  expect(t.runtime.jobs).toHaveLength(1);
  const last = t.journal.listReports().at(-1);
  adopted.reported(last?.sequence ?? 0);
  expect(t.uploads.at(-1)).toBe("close");
});

test("archives are unpacked before the start, and a bad one ends the job", async () => {
  using t = setUp();
  const tar = pack();
  tar.entry({ name: "code/main.py" }, "print()");
  tar.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of tar) chunks.push(chunk as Uint8Array);
  await Bun.write(join(t.dir.path, "a".repeat(64)), Buffer.concat(chunks));
  t.start({ archives: [{ sha256: "a".repeat(64), path: "app" }] });
  await waitFor("a start", () => t.runtime.jobs.length === 1);
  const [archive] = t.job().job.archives;
  expect(archive?.target).toBe("app");
  expect(readFileSync(join(archive?.source ?? "", "main.py"), "utf8")).toBe("print()");
  expect(t.states()).toEqual(["preparing"]);

  await Bun.write(join(t.dir.path, "b".repeat(64)), "no archive at all".repeat(100));
  t.start({ archives: [{ sha256: "b".repeat(64), path: "app" }] });
  expect(await t.finished()).toMatchObject({ reason: "executor_error", exit_status: null });
});

test("a coordinator that is out of reach for ten minutes costs a job nothing, also one that ends meanwhile", async () => {
  using t = setUp();
  const [going, ending] = [t.start(), t.start()];
  for (const runner of [going, ending]) runner.confirm();
  for (const job of t.runtime.jobs) job.run();
  await waitFor("both", () => going.held.state === "running" && ending.held.state === "running");
  t.clock.advance(5 * 60_000);
  t.runtime.jobs[1]?.end({ exitStatus: 3, reason: "container_exited_with_error" });
  expect(await t.finished()).toMatchObject({ exit_status: 3 });
  t.clock.advance(5 * 60_000);
  expect(t.runtime.jobs.map((job) => job.stops)).toEqual([[], []]);
  expect(going.held.state).toBe("running");
  // Nothing was answered, so everything is still there to be told, in order, with its own time.
  const waiting = t.journal.listReports().filter((report) => report.submission_id === ending.id);
  expect(waiting.map((report) => report.fact.state)).toEqual(["running", "finished"]);
  expect(t.uploads).not.toContain("close");
});

test.each([
  ["was not confirmed", false, {}],
  ["ends when its host is silent", true, { stop_if_silent_ms: 120_000 }],
] as const)(
  "after a start of the host, a job that had not begun and %s does not begin",
  async (_, isConfirmed, more) => {
    using t = setUp();
    t.start(more).detach();
    const [entry] = t.journal.list();
    if (!entry) throw new Error("The journal is empty");
    new JobRunner({ ...t.deps, isSameBoot: false }, { ...entry, isConfirmed }, true);
    expect(await t.finished()).toMatchObject({ reason: "terminated_by_server", exit_status: null });
    expect(t.runtime.jobs).toHaveLength(1);
  },
);

test("after a start of the host, a job that is this host's for good begins", async () => {
  using t = setUp();
  t.start().detach();
  const [entry] = t.journal.list();
  if (!entry) throw new Error("The journal is empty");
  new JobRunner({ ...t.deps, isSameBoot: false }, { ...entry, isConfirmed: true }, true);
  await waitFor("a start", () => t.runtime.jobs.length === 2);
});

testOnSmallDisk(
  "a job that runs while nothing can be written goes on, and all is told when there is room",
  async (disk) => {
    using t = setUp({ ...disk, [Symbol.dispose]: () => {} });
    const runs = Promise.withResolvers<void>();
    t.deps.onRunning = runs.resolve;
    const runner = t.start();
    disk.fill(true);
    t.job().run();
    await runs.promise;
    // Not written down yet, and so not told.
    expect(t.reports).toEqual([]);
    t.clock.advance(5_000);
    expect(t.reports).toEqual([]);
    expect(runner.held.state).toBe("preparing");
    disk.fill(false);
    t.clock.advance(5_000);
    expect(t.states()).toEqual(["running"]);
    t.job().end();
    expect(await t.finished()).toMatchObject({ reason: "done_by_runner", exit_status: 0 });
    expect(t.states()).toEqual(["running", "finished"]);
  },
);
