import { expect, test } from "bun:test";
import { writeAll } from "../store/db.ts";
import { deleteExport, type ExportParts, insertExport } from "../store/exports.ts";
import { insertInstance } from "../store/instances.ts";
import { fleets, projects } from "../store/schema.ts";
import { aWaitingRun } from "../testing/aWaitingRun.ts";
import { type OpenedEngine, openEngine } from "../testing/openEngine.ts";
import { hostRow, PROJECT_ID } from "../testing/testEngine.ts";
import { RESERVE_AFTER_MS, Scheduler } from "./scheduler.ts";
import { Sharing } from "./sharing.ts";

const OWNER = crypto.randomUUID();
const FLEET = crypto.randomUUID();
const EXPORT = crypto.randomUUID();

const shareWith = async (
  { engine }: OpenedEngine,
  { isGlobal = false, ...parts }: Partial<ExportParts> & { isGlobal?: boolean },
): Promise<void> => {
  const row = { id: EXPORT, project_id: OWNER, name: "capacity", is_global: isGlobal, created_at: 0 };
  const all = { importers: [], fleets: [FLEET], gateways: [], ...parts };
  await insertExport(engine.db, row, { parts: all, also: [] });
  await engine.engine.noteSharing();
};

/** A fleet `racks` of another project, `Owner`, with hosts; the engine's own project has none. */
const setUp = async (hosts = 1): Promise<OpenedEngine> => {
  const t = await openEngine();
  const { db } = t.engine;
  await db.insert(projects).values({ id: OWNER, name: "Owner", owner_id: "u", created_at: 0 });
  const [spec] = await db.select({ spec: fleets.spec }).from(fleets);
  if (!spec) throw new Error("There is no fleet to take the spec of");
  const fleet = { id: FLEET, project_id: OWNER, name: "racks", status: "active" as const, created_at: 0 };
  await db.insert(fleets).values({ ...fleet, ...spec });
  for (let num = 0; num < hosts; num++) {
    const row = { ...hostRow(num), project_id: OWNER, fleet_id: FLEET, name: `racks-${num}` };
    await insertInstance(db, row);
    t.engine.engine.addInstance(row, "racks");
  }
  return t;
};

const owned = { project_id: OWNER, fleet_id: FLEET };

test("who may use what, and how it is called, is what is stored", async () => {
  await using t = await setUp();
  const sharing = new Sharing();
  await sharing.load(t.engine.db);
  expect([OWNER, PROJECT_ID, "else"].map((id) => sharing.mayUse(id, owned))).toEqual([true, false, false]);
  expect(sharing.viewer(PROJECT_ID).nameOf(OWNER)).toBe("owner");
  await shareWith(t, { importers: [PROJECT_ID] });
  const gained = await sharing.load(t.engine.db);
  expect([PROJECT_ID, "else"].map((id) => sharing.mayUse(id, owned))).toEqual([true, false]);
  expect([PROJECT_ID, "else"].map(gained)).toEqual([false, false]);
  await writeAll(t.engine.db, deleteExport(t.engine.db, EXPORT));
  const lost = await sharing.load(t.engine.db);
  expect([PROJECT_ID, "else"].map(lost)).toEqual([true, false]);
  await shareWith(t, { isGlobal: true });
  await sharing.load(t.engine.db);
  expect([PROJECT_ID, "else"].map((id) => sharing.mayUse(id, owned))).toEqual([true, true]);
  await t.engine.db.update(projects).set({ deleted: true });
  expect((await sharing.load(t.engine.db))("else")).toBe(true);
  expect(sharing.mayUse(PROJECT_ID, owned)).toBe(false);
});

test("a job on an imported host goes on over a restart; if the right to it ended meanwhile, so does the job", async () => {
  await using t = await setUp();
  await shareWith(t, { importers: [PROJECT_ID] });
  await t.engine.submit("job");
  expect((await t.engine.latest("job")).status).toBe("provisioning");
  await t.restart();
  expect((await t.engine.latest("job")).status).toBe("provisioning");
  // As if the coordinator had ended between the two.
  await writeAll(t.engine.db, deleteExport(t.engine.db, EXPORT));
  await t.restart();
  expect(await t.engine.latest("job")).toMatchObject({
    status: "terminating",
    termination_reason: "instance_access_revoked",
  });
});

test("a right that ends while a job is being placed takes the job with it", async () => {
  await using t = await setUp();
  await shareWith(t, { importers: [PROJECT_ID] });
  const { db, engine } = t.engine;
  const submitted = t.engine.submit("job");
  await writeAll(db, deleteExport(db, EXPORT));
  await Promise.all([submitted, engine.noteSharing()]);
  const { status, termination_reason: reason } = await t.engine.latest("job");
  expect(["instance_access_revoked", "failed_to_start_due_to_no_capacity"]).toContain(reason ?? "");
  expect(["terminating", "failed"]).toContain(status);
});

test("a run of several nodes is not passed for ever by those of other projects that use the same hosts", async () => {
  await using t = await setUp(2);
  await shareWith(t, { importers: [PROJECT_ID] });
  const { capacity, agents } = t.engine;
  const scheduler = new Scheduler({ agents, capacity, clock: t.clock });
  scheduler.start(() => {});
  const now = t.clock.now();
  const [busy] = capacity.listUsable(OWNER);
  if (!busy) throw new Error("There is no host");
  const share = { total: 1, blocks: 1, gpu_ids: [], cpus: null, memory_mib: null };
  capacity.claim(busy.instance.id, "somebody", share);
  const gang = aWaitingRun("gang", { at: now - RESERVE_AFTER_MS - 1, nodes: 2, projectId: OWNER });
  const single = aWaitingRun("single", { at: now, nodes: 1, projectId: PROJECT_ID });
  scheduler.wait(gang);
  scheduler.wait(single);
  expect(scheduler.hasGrant(single.run.id)).toBe(false);
  scheduler.release(busy.instance.id, "somebody");
  expect([gang, single].map(({ run }) => scheduler.hasGrant(run.id))).toEqual([true, false]);
});
