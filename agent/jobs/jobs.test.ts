import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { silentLogger } from "../../shared/log.ts";
import type { Report } from "../../shared/protocol/report.ts";
import { FakeClock } from "../../shared/testing/fakeClock.ts";
import { testOnSmallDisk } from "../../shared/testing/smallDisk.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { anAssignment } from "../testing/anAssignment.ts";
import { FakeRuntime } from "../testing/fakeRuntime.ts";
import { Jobs } from "./jobs.ts";
import { Journal } from "./journal.ts";

const setUp = (dir: { path: string } & Disposable = tempDir()) => {
  const journal = Journal.open(join(dir.path, "journal.db"), silentLogger);
  const [clock, runtime, reports] = [new FakeClock(), new FakeRuntime(), [] as Report[]];
  const upload = {
    grown: () => {},
    close: () => {},
    retry: () => {},
    offsetAt: () => 0,
    done: Promise.resolve(),
  };
  const open = () =>
    new Jobs({
      runtimes: () => runtime,
      journal,
      clock,
      isSameBoot: true,
      log: silentLogger,
      jobsDir: join(dir.path, "jobs"),
      report: (report) => reports.push(report),
      fetchBlob: async () => "",
      flushAgentLog: async () => {},
      prepareRepo: () => Promise.reject(new Error("No job of these tests has a repository")),
      uploadLog: () => upload,
    });
  return {
    dir,
    journal,
    clock,
    runtime,
    reports,
    open,
    jobs: open(),
    [Symbol.dispose]: () => {
      journal[Symbol.dispose]();
      dir[Symbol.dispose]();
    },
  };
};

const desire = (assignment = anAssignment()) => {
  const id = assignment.submission_id;
  return { id, start: { action: "run", submission_id: id, assignment } as const };
};

test("the same answer twice starts a job once", () => {
  using t = setUp();
  const { start, id } = desire();
  t.jobs.apply([start]);
  t.jobs.apply([start]);
  expect(t.runtime.jobs).toHaveLength(1);
  expect(t.jobs.held()).toEqual([{ submission_id: id, state: "preparing" }]);
  expect(t.journal.list()).toHaveLength(1);
});

test("what is desired no longer is held until nothing of it is left", async () => {
  using t = setUp();
  const { start, id } = desire();
  t.jobs.apply([start]);
  t.jobs.apply([]);
  t.jobs.apply([]);
  expect(t.jobs.held()).toHaveLength(1);
  await waitFor("the removal", () => t.jobs.held().length === 0);
  expect(t.runtime.removed).toEqual([id, id]);
  expect(t.journal.list()).toEqual([]);
});

test("a stop of what never came is answered once", () => {
  using t = setUp();
  const { id } = desire();
  const stop = { action: "stop", submission_id: id, grace_ms: 0 } as const;
  t.jobs.apply([stop]);
  t.jobs.apply([stop]);
  expect(t.reports).toHaveLength(1);
  expect(t.reports[0]).toMatchObject({ submission_id: id, fact: { state: "finished", exit_status: null } });
  expect(t.jobs.held()).toEqual([]);
});

test("a job is unconfirmed until an answer named it, also after a restart", async () => {
  using t = setUp();
  const { start, id } = desire();
  t.jobs.apply([start]);
  expect(t.jobs.hasUnconfirmed()).toBe(true);
  t.jobs.confirm([id, crypto.randomUUID()]);
  expect(t.jobs.hasUnconfirmed()).toBe(false);
  await t.jobs.detach();
  const next = t.open();
  await next.adopt();
  expect(next.held()).toEqual([{ submission_id: id, state: "preparing" }]);
  expect(next.hasUnconfirmed()).toBe(false);
});

test("a coordinator that is away for ten minutes changes nothing for a job that it knows of", async () => {
  using t = setUp();
  const { start, id } = desire();
  t.jobs.apply([start]);
  t.jobs.confirm([id]);
  t.runtime.jobs[0]?.run();
  await waitFor("running", () => t.jobs.held()[0]?.state === "running");
  t.clock.advance(10 * 60_000);
  expect(t.runtime.jobs[0]?.stops).toEqual([]);
  t.runtime.jobs[0]?.print("late");
  t.runtime.jobs[0]?.end();
  await waitFor("the end", () => t.jobs.held()[0]?.state === "finished");
  expect(t.journal.listReports().map((report) => report.fact.state)).toEqual(["running", "finished"]);
});

test("a job that goes on elsewhere is ended by this host's clock, counted from the last answer, restarts included", async () => {
  using t = setUp();
  const { start, id } = desire(anAssignment({ stop_if_silent_ms: 60_000 }));
  t.jobs.apply([start]);
  t.jobs.confirm([id]);
  t.runtime.jobs[0]?.run();
  await waitFor("running", () => t.jobs.held()[0]?.state === "running");
  t.clock.advance(50_000);
  t.jobs.answered(t.clock.steady() - 1_000);
  t.clock.advance(58_999);
  expect(t.runtime.jobs[0]?.stops).toEqual([]);
  t.clock.advance(1);
  expect(t.runtime.jobs[0]?.stops).toEqual([0]);
  await t.jobs.detach();

  t.runtime.adoptable = true;
  await t.open().adopt();
  await waitFor("the adopted job", () => t.runtime.jobs.length === 2);
  t.clock.advance(0);
  await waitFor("its end", () => t.runtime.jobs[1]?.stops[0] === 0);
});

test("folders of jobs that the journal does not know are cleared away", async () => {
  using t = setUp();
  const stray = join(t.dir.path, "jobs", crypto.randomUUID());
  mkdirSync(stray, { recursive: true });
  writeFileSync(join(stray, "spool"), "x");
  await t.jobs.adopt();
  expect(readdirSync(join(t.dir.path, "jobs"))).toEqual([]);
  expect(t.runtime.removed).toHaveLength(2);
});

test("a job that was given up while the host was cut off is gone before the next one starts", async () => {
  using t = setUp();
  const [old, next] = [desire(), desire(anAssignment({ submission_id: crypto.randomUUID() }))];
  t.jobs.apply([old.start]);
  t.runtime.jobs[0]?.run();
  await waitFor("it to run", () => t.jobs.held()[0]?.state === "running");
  t.jobs.apply([next.start]);
  expect(t.jobs.held().map((held) => held.submission_id)).toEqual([old.id]);
  await waitFor("the next one", () => t.jobs.held()[0]?.submission_id === next.id);
  expect(t.runtime.removed).toEqual([old.id, old.id]);
  expect(t.runtime.jobs).toHaveLength(2);
});

test("an assignment that waited for longer than its claim holds is not started", async () => {
  using t = setUp();
  const [old, next] = [
    desire(),
    desire(anAssignment({ submission_id: crypto.randomUUID(), claim_lease_ms: 1_000 })),
  ];
  t.jobs.apply([old.start]);
  t.runtime.jobs[0]?.run();
  await waitFor("it to run", () => t.jobs.held()[0]?.state === "running");
  t.jobs.apply([next.start]);
  t.clock.advance(1_000);
  await waitFor("the old one to be gone", () => t.jobs.held().length === 0);
  expect(t.runtime.jobs).toHaveLength(1);
});

test("the next job does not wait for what is left of one that has ended", async () => {
  using t = setUp();
  const [old, next] = [desire(), desire(anAssignment({ submission_id: crypto.randomUUID() }))];
  t.jobs.apply([old.start]);
  t.runtime.jobs[0]?.run();
  await waitFor("it to run", () => t.jobs.held()[0]?.state === "running");
  t.runtime.jobs[0]?.end();
  await waitFor("its end", () => t.jobs.held()[0]?.state === "finished");
  t.jobs.apply([next.start]);
  expect(t.runtime.jobs).toHaveLength(2);
});

test("an answer to a sync that was sent before a job began does not end it", async () => {
  using t = setUp();
  const { start, id } = desire();
  const named = t.jobs.held();
  t.jobs.apply([start], { named });
  t.jobs.apply([], { named });
  expect(t.jobs.held().map((held) => held.submission_id)).toEqual([id]);
  expect(t.runtime.removed).toEqual([]);
  t.jobs.apply([], { named: t.jobs.held() });
  await waitFor("the removal", () => t.jobs.held().length === 0);
});

test("what an answer gives counts from when it was given, however long it was under way", async () => {
  using t = setUp();
  const { start } = desire(anAssignment({ claim_lease_ms: 20_000 }));
  t.clock.advance(60_000);
  t.jobs.apply([start], { receivedAt: t.clock.steady() - 20_000 });
  expect(t.jobs.held()).toEqual([]);
  t.jobs.apply([start], { receivedAt: t.clock.steady() - 19_000 });
  expect(t.runtime.jobs).toHaveLength(1);
  t.clock.advance(1_000);
  await waitFor("its end", () => t.reports.at(-1)?.fact.state === "finished");
  expect(t.reports.at(-1)?.fact).toMatchObject({ reason: "terminated_by_server" });
});

const fill = (journal: Journal, ...names: (keyof Journal)[]): (() => void) => {
  const full = () => {
    throw new Error("database or disk is full");
  };
  Object.assign(journal, Object.fromEntries(names.map((name) => [name, full])));
  return () => {
    for (const name of names) Reflect.deleteProperty(journal, name);
  };
};

test("a full disk keeps no job from being stopped, nor its end from being told later", async () => {
  using t = setUp();
  const { start, id } = desire(anAssignment({ stop_if_silent_ms: 1_000 }));
  t.jobs.apply([start]);
  t.runtime.jobs[0]?.run();
  await waitFor("the start", () => t.jobs.held()[0]?.state === "running");
  const empty = fill(t.journal, "setStopping", "confirm", "note");
  t.jobs.confirm([id]);
  t.clock.advance(1_000);
  expect(t.runtime.jobs[0]?.stops).toEqual([0]);
  empty();
  t.jobs.confirm([]);
  expect(t.journal.list()[0]?.isConfirmed).toBe(true);
});

test("a job that cannot be written down is not taken, and the next answer tries again", () => {
  using t = setUp();
  const { start, id } = desire();
  const empty = fill(t.journal, "add");
  t.jobs.apply([start]);
  expect(t.jobs.held()).toEqual([]);
  empty();
  t.jobs.apply([start]);
  expect(t.jobs.held()).toEqual([{ submission_id: id, state: "preparing" }]);
});

test("what runs while the disk is full is told as soon as there is room", async () => {
  using t = setUp();
  const empty = fill(t.journal, "note");
  t.jobs.apply([desire().start]);
  t.runtime.jobs[0]?.run();
  await waitFor("the start", () => t.jobs.list()[0]?.startedAt !== null);
  expect(t.reports).toEqual([]);
  empty();
  t.clock.advance(5_000);
  expect(t.reports.map(({ fact }) => fact.state)).toEqual(["running"]);
});

test("a removal that fails is tried again before long, without another answer", async () => {
  using t = setUp();
  const { start } = desire();
  t.jobs.apply([start]);
  t.runtime.failingRemovals = 1;
  t.jobs.apply([]);
  await waitFor("the failure", () => t.runtime.failingRemovals === 0);
  await waitFor("the job to be gone", () => {
    t.clock.advance(1_000);
    return t.jobs.held().length === 0;
  });
  expect(readdirSync(join(t.dir.path, "jobs"))).toEqual([]);
});

testOnSmallDisk(
  "a job that cannot be written down is not taken, and is when it is offered again",
  async (disk) => {
    using t = setUp({ ...disk, [Symbol.dispose]: () => {} });
    const { start, id } = desire();
    disk.fill(true);
    t.jobs.apply([start]);
    expect(t.jobs.held()).toEqual([]);
    expect(t.runtime.jobs).toEqual([]);
    expect(readdirSync(join(disk.path, "jobs"))).toEqual([]);
    disk.fill(false);
    t.jobs.apply([start]);
    expect(t.jobs.held()).toEqual([{ submission_id: id, state: "preparing" }]);
    expect(t.runtime.jobs).toHaveLength(1);
  },
);
