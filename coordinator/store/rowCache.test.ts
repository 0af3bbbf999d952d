import { expect, test } from "bun:test";
import { eq } from "drizzle-orm";
import { anAttempt, aRun } from "../testing/aRun.ts";
import { describeDatabases } from "../testing/databases.ts";
import { openStore, writeAll } from "./db.ts";
import { findRun, insertRun, moveRun, patchRun } from "./runs.ts";
import { runs, submissions } from "./schema.ts";
import {
  claimReport,
  findSubmission,
  insertSubmissions,
  listSubmissions,
  moveSubmission,
} from "./submissions.ts";

describeDatabases("remembered rows", (open) => {
  const opened = async () => {
    const undo = new AsyncDisposableStack();
    const { url } = undo.use(await open());
    const { db } = undo.use(await openStore({ url }));
    await writeAll(db, [insertRun(db, aRun()), ...insertSubmissions(db, [anAttempt(0)])]);
    const seen = async () => ({ run: await findRun(db, "run"), all: await listSubmissions(db, "run") });
    return {
      db,
      /** As it is remembered, and as it is stored. */
      both: async () => {
        const remembered = await seen();
        db.$rows.clear();
        return [remembered, await seen()] as const;
      },
      seen,
      [Symbol.asyncDispose]: () => undo.disposeAsync(),
    };
  };

  test("what was read is remembered, and follows every write that says what it changes", async () => {
    await using t = await opened();
    const first = await t.seen();
    expect((await t.seen()).run).toBe(first.run);
    await writeAll(t.db, [
      moveRun(t.db, "run", { to: "provisioning", patch: { fleet_id: "f" } }),
      moveSubmission(t.db, "attempt-0", { to: "provisioning", patch: { instance_id: "i" } }),
      claimReport(t.db, "attempt-0", 3),
    ]);
    expect((await findSubmission(t.db, "attempt-0"))?.report_sequence).toBe(3);
    await patchRun(t.db, "run", { priority: 7 });
    const [remembered, stored] = await t.both();
    expect(remembered).toEqual(stored);
    expect(stored.run).toMatchObject({ status: "provisioning", fleet_id: "f", priority: 7 });
  });

  test("a move that is refused changes nothing in memory either", async () => {
    await using t = await opened();
    await t.seen();
    await moveRun(t.db, "run", { to: "done", patch: { priority: 9 } });
    const [remembered, stored] = await t.both();
    expect(remembered).toEqual(stored);
    expect(remembered.run).toMatchObject({ status: "submitted", priority: 0 });
  });

  test("a new attempt is seen, and a write that fails leaves no trace", async () => {
    await using t = await opened();
    await t.seen();
    await writeAll(t.db, insertSubmissions(t.db, [anAttempt(1)]));
    expect((await t.seen()).all).toHaveLength(2);
    const broken = writeAll(t.db, [
      patchRun(t.db, "run", { priority: 5 }),
      ...insertSubmissions(t.db, [anAttempt(1)]),
    ]);
    await expect(broken).rejects.toThrow("UNIQUE");
    const [remembered, stored] = await t.both();
    expect(remembered).toEqual(stored);
    expect(stored.run?.priority).toBe(0);
  });

  test("after a write that does not say what it changes everything is read anew", async () => {
    await using t = await opened();
    await t.seen();
    await t.db.update(runs).set({ priority: 3 });
    expect((await t.seen()).run?.priority).toBe(3);
    await writeAll(t.db, [t.db.delete(submissions).where(eq(submissions.id, "attempt-0"))]);
    expect((await t.seen()).all).toEqual([]);
  });

  test("what was read before the end of a write is not remembered after it", async () => {
    await using t = await opened();
    t.db.$rows.clear();
    const begun = t.db.$rows.now;
    const { run } = await t.seen();
    t.db.$rows.clear();
    const written = patchRun(t.db, "run", { priority: 1 }).then();
    await written;
    if (run) t.db.$rows.keepRun(run, begun);
    expect((await t.seen()).run?.priority).toBe(1);
  });

  test("no more is remembered than a busy coordinator needs", async () => {
    await using t = await opened();
    const { run, all } = await t.seen();
    if (!run) throw new Error("The run is gone");
    const { $rows: rows } = t.db;
    for (let num = 0; num < 2_500; num++) {
      rows.keepRun({ ...run, id: `run-${num}` }, rows.now);
      rows.keepSubmissions(
        `run-${num}`,
        all.map((one) => ({ ...one, id: `s-${num}` })),
        rows.now,
      );
    }
    expect([...rows]).toHaveLength(4_000);
    expect(rows.findRun("run-0")).toBeUndefined();
    expect(rows.findSubmission("s-0")).toBeUndefined();
    expect(rows.findSubmission("s-2499")?.id).toBe("s-2499");
  });
});
