import { expect, test } from "bun:test";
import { AppError } from "../../shared/errors.ts";
import type { SyncAnswer, SyncRequest } from "../../shared/protocol/sync.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { CORDONED_BY } from "../domain/instances/closed.ts";
import { findInstance, type InstanceRow } from "../store/instances.ts";
import { type OpenedEngine, openEngine } from "../testing/openEngine.ts";
import { hostRow } from "../testing/testEngine.ts";

/** The agent of one host, which asks once each time. */
const agentOf = (
  t: OpenedEngine,
  row: InstanceRow,
  { boot, name, start = 1 }: { boot: string; name: string; start?: number },
) => {
  const session = crypto.randomUUID();
  let sequence = 0;
  return async (held: string[] = [], more: Partial<SyncRequest> = {}): Promise<SyncAnswer> => {
    const instance = await findInstance(t.engine.db, row.id);
    if (!instance) throw new Error("No such instance");
    const request = {
      agent_version: "0.1.0",
      boot_id: boot,
      session,
      start,
      sequence: sequence++,
      held: held.map((id) => ({ submission_id: id, state: "running" as const })),
      inventory: { ...row.inventory, hostname: name },
      wait_ms: 0,
      ...more,
    };
    return t.engine.link.sync(instance, request, AbortSignal.timeout(10_000));
  };
};

const codeOf = (asked: Promise<unknown>): Promise<unknown> =>
  asked.then(
    () => "answered",
    (err: unknown) => (err instanceof AppError ? err.code : err),
  );

const cordonOf = async (t: OpenedEngine, row: InstanceRow) =>
  (await findInstance(t.engine.db, row.id))?.cordon;

const setUp = async () => {
  const t = await openEngine();
  const row = await t.engine.addHost(hostRow(0));
  const [first, clone] = [
    agentOf(t, row, { boot: "boot-a", name: "golden-1" }),
    agentOf(t, row, { boot: "boot-b", name: "golden-2" }),
  ];
  return { t, row, first, clone, [Symbol.asyncDispose]: () => t[Symbol.asyncDispose]() };
};

test("two hosts with one identity get no new jobs, and the message names both", async () => {
  await using s = await setUp();
  await s.first();
  await s.clone();
  // As far as anybody knows, the host was started again.
  expect(await cordonOf(s.t, s.row)).toBeNull();
  expect(await codeOf(s.first())).toBe("unavailable");
  await s.clone();
  expect(await codeOf(s.first())).toBe("answered");
  const cordon = await cordonOf(s.t, s.row);
  expect(cordon).toMatchObject({ by: CORDONED_BY });
  expect(cordon?.reason).toContain("golden-1 (boot boot-a) and golden-2 (boot boot-b)");
  await s.t.engine.submit("job", { retry: true });
  expect((await s.t.engine.run("job")).status).toBe("pending");
  expect(s.t.engine.engine.positionOf((await s.t.engine.run("job")).id)?.reason).toContain("two hosts");
  for (const agent of [s.first, s.clone]) expect((await agent()).desired).toEqual([]);
});

test("they are told apart within seconds, however long their syncs would wait", async () => {
  await using s = await setUp();
  const patient = { wait_ms: 45_000 };
  const { epoch, revision } = await s.first();
  const before = codeOf(s.first([], { ...patient, seen: { epoch, revision } }));
  const isParked = () => waitFor("the parked sync", () => s.t.engine.agents.isWaiting(s.row.id));
  await isParked();
  const seen = await s.clone();
  // The one that was here until now asks again, as it is refused.
  expect(await before).toBe("unavailable");
  const waiting = s.clone([], { ...patient, seen: { epoch: seen.epoch, revision: seen.revision } });
  await isParked();
  for (let times = 0; times < 2; times++) expect(await codeOf(s.first())).toBe("unavailable");
  s.t.clock.advance(5_000);
  await waiting;
  await s.clone();
  expect(await cordonOf(s.t, s.row)).toMatchObject({ by: CORDONED_BY });
});

test("the jobs of both go on, can be stopped, and end as they end", async () => {
  await using s = await setUp();
  await s.t.engine.submit("job");
  const [given] = (await s.first()).desired;
  const id = given?.submission_id ?? "";
  await s.t.engine.running(s.row, id);
  await s.first([id]);
  for (let times = 0; times < 3; times++) {
    expect(
      (await s.clone()).desired.filter((one) => one.submission_id === id && one.action === "stop"),
    ).toEqual([]);
    await codeOf(s.first([id]));
  }
  expect((await s.t.engine.run("job")).status).toBe("running");
  expect((await s.first([id])).desired).toEqual([{ action: "run", submission_id: id }]);
  await s.t.engine.engine.stopRun((await s.t.engine.run("job")).id, false);
  expect((await s.clone()).desired).toEqual([]);
  expect((await s.first([id])).desired).toMatchObject([{ action: "stop", submission_id: id }]);
  await s.t.engine.finished(s.row, id, { exit: 130 });
  expect((await s.t.engine.run("job")).status).toBe("terminated");
});

test("both count as there when they are heard again after a silence", async () => {
  await using s = await setUp();
  await s.first();
  await s.clone();
  await codeOf(s.first());
  await s.clone();
  await s.first();
  expect(await cordonOf(s.t, s.row)).toMatchObject({ by: CORDONED_BY });
  s.t.clock.advance(5 * 60_000);
  const isSilent = async () => (await findInstance(s.t.engine.db, s.row.id))?.unreachable;
  await waitFor("the silence", isSilent);
  await s.clone();
  expect(await isSilent()).toBe(false);
});

test("also after a restart of the coordinator nothing is taken for lost", async () => {
  await using s = await setUp();
  await s.t.engine.submit("job");
  const id = (await s.first()).desired[0]?.submission_id ?? "";
  await s.t.engine.running(s.row, id);
  await s.first([id]);
  await s.clone();
  s.t.clock.advance(1);
  await s.t.restart();
  await s.clone();
  expect((await s.t.engine.run("job")).status).toBe("running");
  expect(await codeOf(s.first([id]))).toBe("unavailable");
  await s.clone();
  expect(await codeOf(s.first([id]))).toBe("answered");
  expect(await cordonOf(s.t, s.row)).toMatchObject({ by: CORDONED_BY });
});

test("a clone that has been started less often is found too", async () => {
  await using s = await setUp();
  const worn = agentOf(s.t, s.row, { boot: "boot-a", name: "golden-1", start: 7 });
  await worn();
  expect(await codeOf(s.clone())).toBe("unavailable");
  await worn();
  expect(await codeOf(s.clone())).toBe("answered");
  expect(await codeOf(worn())).toBe("answered");
  expect(await cordonOf(s.t, s.row)).toMatchObject({ by: CORDONED_BY });
});

test("a host that is started again is one host, whatever it left on the way", async () => {
  await using s = await setUp();
  await s.first();
  await s.first();
  await s.clone();
  // The last request of before, which comes late, and once more.
  expect(await codeOf(s.first())).toBe("unavailable");
  for (let times = 0; times < 5; times++) expect(await codeOf(s.clone())).toBe("answered");
  expect(await cordonOf(s.t, s.row)).toBeNull();
});

test("an agent that is started again on the same host takes over as ever", async () => {
  await using s = await setUp();
  await s.first();
  const next = agentOf(s.t, s.row, { boot: "boot-a", name: "golden-1", start: 2 });
  await next();
  expect(await codeOf(s.first())).toBe("fenced");
  expect(await codeOf(next())).toBe("answered");
});

test("when one of them is gone and the cordon lifted, the other one is a host like any", async () => {
  await using s = await setUp();
  await s.first();
  await s.clone();
  await codeOf(s.first());
  await s.clone();
  await s.first();
  s.t.clock.advance(11 * 60_000);
  const row = await findInstance(s.t.engine.db, s.row.id);
  if (!row) throw new Error("No such instance");
  await s.t.engine.engine.setCordon(row, null, null);
  await s.clone();
  await s.t.engine.submit("job");
  expect((await s.clone()).desired).toHaveLength(1);
});

test("a host that lost the count of its agent's starts is taken up when the earlier one has been silent", async () => {
  await using s = await setUp();
  const before = agentOf(s.t, s.row, { boot: "boot-a", name: "golden-1", start: 7 });
  await before();
  expect(await codeOf(s.clone())).toBe("unavailable");
  s.t.clock.advance(121_000);
  expect(await codeOf(s.clone())).toBe("answered");
  expect(await cordonOf(s.t, s.row)).toBeNull();
});
