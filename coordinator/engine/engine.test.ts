import { expect, test } from "bun:test";
import { FakeClock } from "../../shared/testing/fakeClock.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { removeInstance } from "../domain/fleets/deleteFleets.ts";
import { findInstance } from "../store/instances.ts";
import { hostRow, TestEngine } from "../testing/testEngine.ts";
import {
  CLAIM_TIMEOUT_MS,
  DEFAULT_SILENCE_MS,
  patienceOf,
  STOP_GRACE_MS,
  STOP_MARGIN_MS,
} from "./engineDeps.ts";

const { leaseTtlMs: LEASE_TTL_MS } = patienceOf(DEFAULT_SILENCE_MS);

const opened = async () => {
  const dir = tempDir();
  const clock = new FakeClock();
  const engine = await TestEngine.open(dir.path, clock);
  const stack = new AsyncDisposableStack();
  stack.use(dir);
  stack.use(engine);
  return { dir, clock, engine, [Symbol.asyncDispose]: () => stack.disposeAsync() };
};

test("a task goes to a free host, runs, and ends with its exit status", async () => {
  await using t = await opened();
  const host = await t.engine.addHost(hostRow(0));
  await t.engine.submit("ok");
  expect((await t.engine.run("ok")).status).toBe("provisioning");
  expect((await findInstance(t.engine.db, host.id))?.status).toBe("busy");
  const id = await t.engine.takeOne(host);
  expect(await t.engine.running(host, id)).toBe("applied");
  expect((await t.engine.run("ok")).status).toBe("running");
  expect(await t.engine.finished(host, id, { exit: 0 })).toBe("applied");
  expect(await t.engine.run("ok")).toMatchObject({ status: "done", termination_reason: "all_jobs_done" });
  expect(await t.engine.latest("ok")).toMatchObject({ status: "done", exit_status: 0 });
  expect((await findInstance(t.engine.db, host.id))?.status).toBe("idle");
});

test("a command that fails makes the run fail, with the job's own exit status", async () => {
  await using t = await opened();
  const host = await t.engine.addHost(hostRow(0));
  await t.engine.submit("bad");
  const id = await t.engine.takeOne(host);
  await t.engine.finished(host, id, { exit: 3, sequence: 1 });
  expect(await t.engine.run("bad")).toMatchObject({ status: "failed", termination_reason: "job_failed" });
  expect(await t.engine.latest("bad")).toMatchObject({
    status: "failed",
    termination_reason: "container_exited_with_error",
    exit_status: 3,
  });
});

test("without a host that is free the run fails at once, and says why", async () => {
  await using t = await opened();
  await t.engine.submit("none");
  expect(await t.engine.run("none")).toMatchObject({ status: "failed" });
  const host = await t.engine.addHost(hostRow(0));
  await t.engine.submit("first");
  await t.engine.submit("second");
  expect(await t.engine.latest("second")).toMatchObject({
    status: "failed",
    termination_reason: "failed_to_start_due_to_no_capacity",
    termination_reason_message: `Fleet is at capacity: ${host.name} busy`,
  });
});

test("an assignment that no agent confirms is given up and made anew; the old one is fenced", async () => {
  await using t = await opened();
  const host = await t.engine.addHost(hostRow(0));
  await t.engine.submit("again");
  const first = await t.engine.latest("again");
  t.clock.advance(CLAIM_TIMEOUT_MS);
  const second = await waitFor("a second submission", async () => {
    const latest = await t.engine.latest("again");
    return latest.status === "provisioning" && latest.id !== first.id && latest;
  });
  expect(second).toMatchObject({ submission_num: 1, status: "provisioning" });
  expect(await t.engine.finished(host, first.id, { exit: 0 })).toBe("fenced");
  expect(await t.engine.desired(host, [first.id])).toEqual([
    expect.objectContaining({ action: "run", submission_id: (await t.engine.latest("again")).id }),
  ]);
});

test("a host that reports that it prepares has confirmed its claim", async () => {
  await using t = await opened();
  const host = await t.engine.addHost(hostRow(0));
  await t.engine.submit("slow");
  const id = await t.engine.takeOne(host);
  expect(await t.engine.preparing(host, id)).toBe("applied");
  t.clock.advance(CLAIM_TIMEOUT_MS);
  await t.engine.engine.withRun((await t.engine.run("slow")).id, async () => {});
  expect(await t.engine.submissions("slow")).toHaveLength(1);
});

test("a confirmed claim does not expire", async () => {
  await using t = await opened();
  const host = await t.engine.addHost(hostRow(0));
  await t.engine.submit("kept");
  const id = await t.engine.takeOne(host);
  await t.engine.sync(host, [id]);
  t.clock.advance(10 * 60_000);
  await t.engine.engine.withRun((await t.engine.run("kept")).id, async () => {});
  expect(await t.engine.submissions("kept")).toHaveLength(1);
  expect(await t.engine.latest("kept")).toMatchObject({ status: "provisioning" });
});

test("stopping asks the host, with grace for a job that runs, and ends with the host's report", async () => {
  await using t = await opened();
  const host = await t.engine.addHost(hostRow(0));
  await t.engine.submit("stopped");
  const id = await t.engine.takeOne(host);
  await t.engine.running(host, id);
  await t.engine.engine.stopRun((await t.engine.run("stopped")).id, false);
  expect(await t.engine.desired(host, [id])).toEqual([
    { action: "stop", submission_id: id, grace_ms: STOP_GRACE_MS },
  ]);
  await t.engine.finished(host, id, { exit: -1 });
  expect(await t.engine.run("stopped")).toMatchObject({
    status: "terminated",
    termination_reason: "stopped_by_user",
  });
  expect(await t.engine.latest("stopped")).toMatchObject({
    status: "terminated",
    termination_reason: "terminated_by_user",
  });
});

test("an abort gives no grace, and a host that does not answer is not waited for", async () => {
  await using t = await opened();
  const host = await t.engine.addHost(hostRow(0));
  await t.engine.submit("aborted");
  const id = await t.engine.takeOne(host);
  await t.engine.running(host, id);
  await t.engine.engine.stopRun((await t.engine.run("aborted")).id, true);
  expect(await t.engine.desired(host, [id])).toEqual([{ action: "stop", submission_id: id, grace_ms: 0 }]);
  t.clock.advance(STOP_MARGIN_MS);
  await waitFor("the run to end", async () => (await t.engine.run("aborted")).status === "terminated");
  expect(await t.engine.latest("aborted")).toMatchObject({ status: "aborted" });
  // What comes later is not wanted: the host forgets it.
  expect(await t.engine.desired(host, [id])).toEqual([]);
});

test("a repeated report changes nothing, one of another host is refused", async () => {
  await using t = await opened();
  const host = await t.engine.addHost(hostRow(0));
  await t.engine.submit("once");
  const id = await t.engine.takeOne(host);
  await t.engine.running(host, id);
  expect(await t.engine.running(host, id)).toBe("stale");
  const other = await t.engine.addHost(hostRow(1));
  expect(await t.engine.finished(other, id, { exit: 0 })).toBe("fenced");
  expect((await t.engine.run("once")).status).toBe("running");
});

test("a job that ended without any output leaves nothing to be waited for", async () => {
  await using t = await opened();
  const host = await t.engine.addHost(hostRow(0));
  await t.engine.submit("declined");
  await t.engine.engine.stopRun((await t.engine.run("declined")).id, false);
  // It was stopped before the host had heard of it, which therefore has no log to send.
  const { id } = await t.engine.latest("declined");
  expect(await t.engine.desired(host)).toEqual([{ action: "stop", submission_id: id, grace_ms: 0 }]);
  await t.engine.endedByItself(host, id);
  expect(await t.engine.latest("declined")).toMatchObject({ status: "terminated", log_complete: true });
});

test("a finished job is kept by its host until all of its output is here", async () => {
  await using t = await opened();
  const host = await t.engine.addHost(hostRow(0));
  await t.engine.submit("log");
  const id = await t.engine.takeOne(host);
  await t.engine.finished(host, id, { exit: 0, logBytes: 5, sequence: 1 });
  expect((await t.engine.run("log")).status).toBe("done");
  expect(await t.engine.desired(host, [id])).toEqual([{ action: "keep", submission_id: id }]);
  const bytes = new TextEncoder().encode("hello");
  const answer = await t.engine.link.appendLog(host, id, { bytes, offset: 0, at: 0 });
  expect(answer).toMatchObject({
    length: 5,
    sha256: new Bun.CryptoHasher("sha256").update(bytes).digest("hex"),
  });
  expect(await t.engine.desired(host, [id])).toEqual([]);
});

test("output that a host takes with it when it leaves its fleet is not waited for", async () => {
  await using t = await opened();
  const host = await t.engine.addHost(hostRow(0));
  await t.engine.submit("log");
  const id = await t.engine.takeOne(host);
  await t.engine.finished(host, id, { exit: 0, logBytes: 5, sequence: 1 });
  await removeInstance(t.engine, host, "00000000-0000-4000-8000-000000000009");
  expect(await t.engine.latest("log")).toMatchObject({ log_complete: true, log_bytes: null });
});

test("a job that its host no longer knows has failed", async () => {
  await using t = await opened();
  const host = await t.engine.addHost(hostRow(0));
  await t.engine.submit("lost");
  const id = await t.engine.takeOne(host);
  await t.engine.sync(host, [id]);
  expect(await t.engine.desired(host)).toEqual([]);
  expect(await t.engine.latest("lost")).toMatchObject({
    status: "failed",
    termination_reason: "executor_error",
  });
  expect((await t.engine.run("lost")).status).toBe("failed");
});

test("a sync that arrives a second time does not make a job count as lost", async () => {
  await using t = await opened();
  const host = await t.engine.addHost(hostRow(0));
  await t.engine.submit("kept");
  const session = crypto.randomUUID();
  const request = { agent_version: "0.1.0", boot_id: "boot", session, sequence: 0, held: [], wait_ms: 0 };
  const send = () => t.engine.link.sync(host, request, AbortSignal.timeout(10_000));
  const [wish] = (await send()).desired;
  const id = wish?.submission_id ?? "";
  expect(await t.engine.running(host, id)).toBe("applied");
  await send();
  expect((await t.engine.run("kept")).status).toBe("running");
});

test("a host that has joined is there, however long the coordinator has run, until it is silent for a lease", async () => {
  await using t = await opened();
  const isSilent = async ({ id }: { id: string }) => (await findInstance(t.engine.db, id))?.unreachable;
  const before = await t.engine.addHost(hostRow(0));
  t.clock.advance(10 * LEASE_TTL_MS);
  await t.engine.sync(before);
  t.clock.advance(LEASE_TTL_MS / 2);
  const host = await t.engine.addHost(hostRow(1));
  // Its agent has not come with its first sync yet when all hosts are looked at.
  t.clock.advance(LEASE_TTL_MS / 2);
  await waitFor("the other's silence", () => isSilent(before));
  await t.engine.submit("first");
  expect(await t.engine.run("first")).toMatchObject({ status: "provisioning" });
  t.clock.advance(LEASE_TTL_MS / 2);
  await waitFor("its own", () => isSilent(host));
});

test("silence makes a host unreachable, not its job dead; speaking makes it reachable", async () => {
  await using t = await opened();
  const host = await t.engine.addHost(hostRow(0));
  await t.engine.submit("patient");
  const id = await t.engine.takeOne(host);
  await t.engine.running(host, id);
  t.clock.advance(LEASE_TTL_MS * 2);
  await waitFor(
    "the host to be unreachable",
    async () => (await findInstance(t.engine.db, host.id))?.unreachable,
  );
  expect((await t.engine.run("patient")).status).toBe("running");
  t.clock.advance(10 * 60_000);
  await t.engine.sync(host, [id]);
  expect((await findInstance(t.engine.db, host.id))?.unreachable).toBe(false);
  expect(await t.engine.finished(host, id, { exit: 0 })).toBe("applied");
  expect((await t.engine.run("patient")).status).toBe("done");
});

/** A coordinator that is killed leaves its store as it is after any commit: opening it again must go on from there. */
const MOMENTS = ["submitted", "assigned", "running", "stopping", "finished"] as const;

for (const moment of MOMENTS)
  test(`a coordinator that starts again when a job is ${moment} brings it to its right end`, async () => {
    using dir = tempDir();
    const clock = new FakeClock();
    const host = hostRow(0);
    let id = "";
    {
      await using before = await TestEngine.open(dir.path, clock);
      await before.addHost(host);
      await before.submit("job");
      if (moment !== "submitted") id = await before.takeOne(host);
      if (moment !== "submitted" && moment !== "assigned") await before.running(host, id);
      if (moment === "stopping") await before.engine.stopRun((await before.run("job")).id, false);
      if (moment === "finished") await before.finished(host, id, { exit: 0, logBytes: 2 });
    }
    await using after = await TestEngine.open(dir.path, clock);
    if (moment === "submitted") id = await after.takeOne(host);
    const held = await after.desired(host, [id]);
    expect(held).toEqual([
      expect.objectContaining({
        action: moment === "stopping" ? "stop" : moment === "finished" ? "keep" : "run",
      }),
    ]);
    const again = await after.finished(host, id, { exit: 0, logBytes: 2 });
    expect(again).toBe(moment === "finished" ? "stale" : "applied");
    const { length } = await after.link.appendLog(host, id, {
      bytes: new TextEncoder().encode("ok"),
      offset: 0,
      at: 0,
    });
    expect(length).toBe(2);
    expect((await after.run("job")).status).toBe(moment === "stopping" ? "terminated" : "done");
    expect(after.capacity.get(host.id)?.occupants.size).toBe(0);
    await after.submit("next");
    expect((await after.run("next")).status).toBe("provisioning");
  });
