/** The examples of docs/spec/lifecycle.md §1.3 and §1.4: how each end of a job is told, and what it makes of its run. */
import { describe, expect, test } from "bun:test";
import type { Report } from "../../shared/protocol/report.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { submissionError, submissionStatusMessage } from "../domain/runs/statusTexts.ts";
import { openEngine } from "../testing/openEngine.ts";
import { hostRow } from "../testing/testEngine.ts";
import { STOP_GRACE_MS, STOP_MARGIN_MS } from "./engineDeps.ts";

type Finished = Extract<Report["fact"], { state: "finished" }>;

const fact = (reason: Finished["reason"], exit: number | null, message = ""): Finished => ({
  state: "finished",
  reason,
  message,
  exit_status: exit,
  log_bytes: 0,
});

const ENDS = [
  {
    what: "exit 0",
    end: fact("done_by_runner", 0),
    run: ["done", "all_jobs_done"],
    job: ["done", "done_by_runner", null, "exited (0)", null],
  },
  {
    what: "a non-zero exit",
    end: fact("container_exited_with_error", 3),
    run: ["failed", "job_failed"],
    job: ["failed", "container_exited_with_error", "", "exited (3)", null],
  },
  {
    what: "a signal",
    end: fact("container_exited_with_error", -1),
    run: ["failed", "job_failed"],
    job: ["failed", "container_exited_with_error", "", "exited (-1)", null],
  },
  {
    what: "an image that cannot be pulled",
    end: fact("creating_container_error", null, "no such image"),
    run: ["failed", "job_failed"],
    job: ["failed", "creating_container_error", "no such image", "error", "runner error"],
  },
  {
    what: "a user that does not exist",
    end: fact("executor_error", null, "no such user"),
    run: ["failed", "job_failed"],
    job: ["failed", "executor_error", "no such user", "error", "executor error"],
  },
  {
    what: "max_duration",
    end: fact("max_duration_exceeded", -1),
    // The reference has the run fail (§9, quirk 1).
    run: ["terminated", "ended_by_policy"],
    job: ["terminated", "max_duration_exceeded", "", "terminated", "max duration exceeded"],
  },
] as const;

test.each(ENDS)("$what", async ({ end, run, job }) => {
  await using t = await openEngine();
  const host = await t.engine.addHost(hostRow(0));
  await t.engine.submit("example");
  const id = await t.engine.takeOne(host);
  await t.engine.running(host, id);
  await t.engine.report(host, { id, sequence: 2, fact: end });
  const { status, termination_reason: reason } = await t.engine.run("example");
  const latest = await t.engine.latest("example");
  expect([status, reason]).toEqual([...run]);
  expect([
    latest.status,
    latest.termination_reason,
    latest.termination_reason_message,
    submissionStatusMessage(latest),
    submissionError(latest.termination_reason),
  ]).toEqual([...job]);
});

describe("stopping", () => {
  test.each([
    [false, "terminated_by_user", "terminated", "stopped_by_user", "stopped", STOP_GRACE_MS],
    [true, "aborted_by_user", "aborted", "aborted_by_user", "aborted", 0],
  ] as const)("abort: %p", async (abort, jobReason, jobStatus, runReason, message, grace) => {
    await using t = await openEngine();
    const host = await t.engine.addHost(hostRow(0));
    await t.engine.submit("example");
    const id = await t.engine.takeOne(host);
    await t.engine.running(host, id);
    await t.engine.engine.stopRun((await t.engine.run("example")).id, abort);
    expect(await t.engine.run("example")).toMatchObject({
      status: "terminating",
      termination_reason: runReason,
    });
    expect(await t.engine.desired(host, [id])).toMatchObject([{ action: "stop", grace_ms: grace }]);
    await t.engine.report(host, { id, sequence: 2, fact: fact("terminated_by_user", null) });
    const latest = await t.engine.latest("example");
    expect(latest).toMatchObject({
      status: jobStatus,
      termination_reason: jobReason,
      termination_reason_message: null,
    });
    expect(submissionStatusMessage(latest)).toBe(message);
    expect((await t.engine.run("example")).status).toBe("terminated");
  });

  test.each([{}, { stop_duration: "off" }])("an abort during a stop kills at once (%o)", async (more) => {
    await using t = await openEngine();
    const host = await t.engine.addHost(hostRow(0));
    await t.engine.submit("example", more);
    const id = await t.engine.takeOne(host);
    await t.engine.running(host, id);
    const run = await t.engine.run("example");
    await t.engine.engine.stopRun(run.id, false);
    t.clock.advance(STOP_GRACE_MS);
    await t.engine.engine.stopRun(run.id, true);
    expect(await t.engine.desired(host, [id])).toEqual([{ action: "stop", submission_id: id, grace_ms: 0 }]);
    t.clock.advance(STOP_MARGIN_MS - 1);
    expect(await t.engine.latest("example")).toMatchObject({ status: "terminating" });
    t.clock.advance(1);
    await waitFor("the end", async () => (await t.engine.run("example")).status === "terminated");
    expect(await t.engine.run("example")).toMatchObject({ termination_reason: "aborted_by_user" });
    expect(await t.engine.latest("example")).toMatchObject({ termination_reason: "terminated_by_user" });
  });

  test("a stop after an abort changes nothing, and neither does any after the end", async () => {
    await using t = await openEngine();
    const host = await t.engine.addHost(hostRow(0));
    await t.engine.submit("example");
    const id = await t.engine.takeOne(host);
    await t.engine.running(host, id);
    const run = await t.engine.run("example");
    await t.engine.engine.stopRun(run.id, true);
    await t.engine.engine.stopRun(run.id, false);
    expect(await t.engine.run("example")).toMatchObject({ termination_reason: "aborted_by_user" });
    await t.engine.finished(host, id, { exit: -1 });
    for (const abort of [false, true]) await t.engine.engine.stopRun(run.id, abort);
    expect(await t.engine.run("example")).toMatchObject({
      status: "terminated",
      termination_reason: "aborted_by_user",
    });
  });

  test("what does not run yet gets no grace", async () => {
    await using t = await openEngine();
    const host = await t.engine.addHost(hostRow(0));
    await t.engine.submit("example");
    const id = await t.engine.takeOne(host);
    await t.engine.engine.stopRun((await t.engine.run("example")).id, false);
    expect(await t.engine.desired(host, [id])).toMatchObject([{ action: "stop", grace_ms: 0 }]);
  });
});

describe("how long a job gets to end by itself (§3.4)", () => {
  const STOP = "stop" as const;
  const FAIL = "another node fails" as const;
  const RETRY = "another node is tried again" as const;
  const MASTER = "its master is done" as const;
  test.each([
    ["running", STOP, STOP_GRACE_MS, "terminated_by_user"],
    ["running", "abort", 0, "aborted_by_user"],
    ["running", FAIL, STOP_GRACE_MS, "terminated_by_server"],
    // §9, quirk 4: in the reference it gets none.
    ["running", RETRY, STOP_GRACE_MS, "terminated_by_server"],
    ["running", MASTER, 0, "done_by_runner"],
    ["provisioning", STOP, 0, "terminated_by_user"],
    ["provisioning", "abort", 0, "aborted_by_user"],
    ["provisioning", FAIL, 0, "terminated_by_server"],
    ["pulling", STOP, 0, "terminated_by_user"],
    ["pulling", FAIL, 0, "terminated_by_server"],
  ] as const)("%s, %s: %d ms, %s", async (status, cause, grace, reason) => {
    await using t = await openEngine();
    const all = [await t.engine.addHost(hostRow(0)), await t.engine.addHost(hostRow(1))];
    const more = {
      ...(cause === RETRY ? { retry: { on_events: ["error"] } } : {}),
      ...(cause === MASTER ? { stop_criteria: "master-done" } : {}),
    };
    await t.engine.submit("example", { nodes: 2, ...more });
    const [master, worker] = await t.engine.submissions("example");
    const hostOf = (id: string | null | undefined) => all.find((host) => host.id === id) ?? hostRow(9);
    const [first, second] = [hostOf(master?.instance_id), hostOf(worker?.instance_id)];
    const [masterId, id] = [await t.engine.takeOne(first), await t.engine.takeOne(second)];
    await t.engine.running(first, masterId);
    if (status === "pulling") await t.engine.report(second, { id, sequence: 1, fact: { state: "pulling" } });
    if (status === "running") await t.engine.running(second, id);
    if (cause === "abort" || cause === STOP)
      await t.engine.engine.stopRun((await t.engine.run("example")).id, cause === "abort");
    else await t.engine.finished(first, masterId, { exit: cause === MASTER ? 0 : 1 });
    expect(await t.engine.desired(second, [id])).toEqual([
      { action: "stop", submission_id: id, grace_ms: grace },
    ]);
    expect((await t.engine.submissions("example"))[1]).toMatchObject({
      status: "terminating",
      termination_reason: reason,
    });
  });
});

describe("no capacity (§2.7)", () => {
  test.each([
    ["no host at all", 0, {}, "No matching fleet found", "no fleets"],
    ["hosts that are all busy", 1, {}, "Fleet is at capacity", "no capacity"],
    ["no such hardware", 1, { resources: { gpu: "H200:8" } }, "Fleet is at capacity", "no capacity"],
    ["fleets that are not there", 1, { fleets: ["other"] }, "Failed to use specified fleets", "no capacity"],
  ])("%s", async (_, hosts, configuration, words, message) => {
    await using t = await openEngine();
    if (hosts > 0) await t.engine.addHost(hostRow(0));
    if (hosts > 0) await t.engine.submit("other");
    await t.engine.submit("example", configuration);
    const latest = await t.engine.latest("example");
    expect(latest.termination_reason_message).toStartWith(words);
    expect(submissionStatusMessage(latest)).toBe(message);
    expect(submissionError(latest.termination_reason)).toBeNull();
    expect(await t.engine.run("example")).toMatchObject({
      status: "failed",
      termination_reason: "job_failed",
    });
  });
});

describe("what the reference does by accident (§9) is not copied", () => {
  test("quirk 4: stop_duration is the time that a job gets to end by itself", async () => {
    await using t = await openEngine();
    const host = await t.engine.addHost(hostRow(0));
    await t.engine.submit("example", { stop_duration: "90s" });
    const id = await t.engine.takeOne(host);
    await t.engine.running(host, id);
    await t.engine.engine.stopRun((await t.engine.run("example")).id, false);
    expect(await t.engine.desired(host, [id])).toMatchObject([{ action: "stop", grace_ms: 90_000 }]);
  });

  test.each(["off", "60d"])("stop_duration: %s is no more than a host's timer can wait", async (duration) => {
    await using t = await openEngine();
    const host = await t.engine.addHost(hostRow(0));
    await t.engine.submit("example", { stop_duration: duration });
    const id = await t.engine.takeOne(host);
    await t.engine.running(host, id);
    await t.engine.engine.stopRun((await t.engine.run("example")).id, false);
    const [wish] = await t.engine.desired(host, [id]);
    const graceMs = wish?.action === "stop" ? wish.grace_ms : 0;
    expect(graceMs).toBeGreaterThan(20 * 24 * 3_600_000);
    expect(graceMs).toBeLessThan(2 ** 31);
  });

  test("quirk 4: output after a stop is kept", async () => {
    await using t = await openEngine();
    const host = await t.engine.addHost(hostRow(0));
    await t.engine.submit("example");
    const id = await t.engine.takeOne(host);
    await t.engine.running(host, id);
    await t.engine.engine.stopRun((await t.engine.run("example")).id, false);
    const end = { ...fact("terminated_by_user", 0), log_bytes: 3 };
    await t.engine.report(host, { id, sequence: 2, fact: end });
    const bytes = new TextEncoder().encode("bye");
    expect(await t.engine.link.appendLog(host, id, { bytes, offset: 0, at: 0 })).toMatchObject({ length: 3 });
  });

  test("quirk 7: space that becomes free on a host counts as soon as its agent tells", async () => {
    await using t = await openEngine();
    const { inventory, ...row } = hostRow(0);
    const host = await t.engine.addHost({ ...row, inventory: { ...inventory, disk_mib: 99 * 1024 } });
    await t.engine.submit("example", { retry: true });
    const { id } = await t.engine.run("example");
    expect(t.engine.engine.positionOf(id)?.reason).toContain("disk");
    const more = { ...inventory, disk_mib: 100 * 1024 };
    const sync = { agent_version: "0.1.0", boot_id: "boot", session: "s", sequence: 0, held: [], wait_ms: 0 };
    await t.engine.link.sync(host, { ...sync, inventory: more }, AbortSignal.timeout(10_000));
    await waitFor("its place", async () => (await t.engine.run("example")).status === "provisioning");
  });

  test("quirk 3: failing again and again is not for ever", async () => {
    await using t = await openEngine();
    const host = await t.engine.addHost(hostRow(0));
    await t.engine.submit("example", { retry: { on_events: ["error"], duration: "1m" } });
    const fail = async () => {
      const id = await t.engine.takeOne(host);
      await t.engine.running(host, id);
      await t.engine.report(host, { id, sequence: 2, fact: fact("container_exited_with_error", 1) });
    };
    for (const pause of [15_000, 30_000, 60_000]) {
      await fail();
      expect((await t.engine.run("example")).status).toBe("pending");
      t.clock.advance(pause);
      await waitFor("the next", async () => (await t.engine.run("example")).status === "provisioning");
    }
    await fail();
    expect(await t.engine.run("example")).toMatchObject({
      status: "failed",
      termination_reason: "retry_limit_exceeded",
    });
  });
});
