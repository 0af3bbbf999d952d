import { expect, test } from "bun:test";
import { FakeClock } from "../../shared/testing/fakeClock.ts";
import { RunCounters } from "../domain/metrics/runCounters.ts";
import { openStore, type Statement } from "../store/db.ts";
import { eventTeller } from "../store/events.ts";
import { findRun, insertRun, moveRun, patchRun } from "../store/runs.ts";
import {
  claimReport,
  deleteSubmissions,
  insertSubmissions,
  listSubmissions,
  moveSubmission,
  patchSubmission,
} from "../store/submissions.ts";
import { anAttempt, aRun } from "../testing/aRun.ts";
import { describeDatabases } from "../testing/databases.ts";
import { RunDraft } from "./runDraft.ts";

/** A decision that needs nothing done. */
const decide = (draft: RunDraft, ...statements: Statement[]): void => draft.add({ statements, effects: [] });

describeDatabases("a draft of a run", (open) => {
  const setUp = async () => {
    const undo = new AsyncDisposableStack();
    const { url } = undo.use(await open());
    const { db } = undo.use(await openStore({ url }));
    const clock = new FakeClock();
    const deps = { db, clock, tell: eventTeller(db, clock, { ttlS: 3600 }), counters: new RunCounters() };
    const batch = db.$client.batch.bind(db.$client);
    const written: string[] = [];
    db.$client.batch = (statements, mode) => {
      written.push(
        ...statements.map((one) => (typeof one === "string" ? one : "sql" in one ? one.sql : one[0])),
      );
      return batch(statements, mode);
    };
    return {
      deps,
      db,
      /** SQL of what was written since it was asked for last, without its values. */
      written: () => written.splice(0).map((sql) => sql.split(" ").slice(0, 3).join(" ").replaceAll('"', "")),
      /** Stored with one attempt. */
      stored: async () => {
        const draft = new RunDraft(deps, "run");
        decide(draft, insertRun(db, aRun()), ...insertSubmissions(db, [anAttempt(0)]));
        await draft.commit();
        written.length = 0;
        return draft;
      },
      inStore: async () => {
        db.$rows.clear();
        return { run: await findRun(db, "run"), submissions: await listSubmissions(db, "run") };
      },
      [Symbol.asyncDispose]: () => undo.disposeAsync(),
    };
  };

  test("a new run is stored as what became of it meanwhile", async () => {
    await using t = await setUp();
    const draft = new RunDraft(t.deps, "run");
    decide(draft, insertRun(t.db, aRun()), ...insertSubmissions(t.db, [anAttempt(0)]));
    decide(draft, moveSubmission(t.db, "attempt-0", { to: "provisioning", patch: { instance_id: "i" } }));
    decide(draft, moveRun(t.db, "run", { to: "provisioning", patch: { fleet_id: "f" } }));
    expect(draft.run).toMatchObject({
      status: "provisioning",
      fleet_id: "f",
      deployment_num: 0,
      deleted: false,
    });
    expect(t.written()).toEqual([]);
    await draft.commit();
    expect(t.written()).toEqual(["insert into runs", "insert into submissions"]);
    expect(await t.inStore()).toEqual({ run: draft.run, submissions: [...draft.submissions] });
    expect(t.deps.counters.list()).toMatchObject([{ provisioned: 1 }]);
  });

  test("of a row that is stored all changes are one write, under the status that it had", async () => {
    await using t = await setUp();
    const draft = await t.stored();
    decide(draft, claimReport(t.db, "attempt-0", 2), patchSubmission(t.db, "attempt-0", { exit_status: 1 }));
    decide(draft, moveSubmission(t.db, "attempt-0", { to: "terminating", patch: { exit_status: 3 } }));
    decide(
      draft,
      moveSubmission(t.db, "attempt-0", { to: "failed", patch: {} }),
      patchRun(t.db, "run", { priority: 1 }),
    );
    await draft.commit();
    expect(t.written()).toEqual(["update submissions set", "update runs set"]);
    const { submissions } = await t.inStore();
    expect(submissions).toMatchObject([{ status: "failed", report_sequence: 2, exit_status: 3 }]);
  });

  test("a write that its guard refuses changes nothing, before the commit nor after it", async () => {
    await using t = await setUp();
    const draft = await t.stored();
    decide(draft, claimReport(t.db, "attempt-0", 2), claimReport(t.db, "attempt-0", 1));
    decide(draft, moveSubmission(t.db, "attempt-0", { to: "done", patch: { exit_status: 0 } }));
    decide(draft, moveRun(t.db, "run", { to: "done", patch: { priority: 4 } }));
    expect(draft.findSubmission("attempt-0")).toMatchObject({
      status: "submitted",
      report_sequence: 2,
      exit_status: null,
    });
    expect(draft.run).toMatchObject({ status: "submitted", priority: 0 });
    await draft.commit();
    expect(await t.inStore()).toEqual({ run: draft.run, submissions: [...draft.submissions] });
  });

  test("who has moved the row meanwhile wins", async () => {
    await using t = await setUp();
    const draft = await t.stored();
    decide(draft, moveSubmission(t.db, "attempt-0", { to: "provisioning", patch: { instance_id: "mine" } }));
    await moveSubmission(t.db, "attempt-0", { to: "terminating", patch: {} });
    await draft.commit();
    expect(draft.findSubmission("attempt-0")).toMatchObject({ status: "terminating", instance_id: null });
  });

  test("attempts come in their order and go, also before they were stored", async () => {
    await using t = await setUp();
    const draft = await t.stored();
    decide(draft, ...insertSubmissions(t.db, [anAttempt(2), anAttempt(1)]));
    expect(draft.submissions.map(({ id }) => id)).toEqual(["attempt-0", "attempt-1", "attempt-2"]);
    decide(
      draft,
      patchSubmission(t.db, "attempt-0", { exit_status: 1 }),
      ...deleteSubmissions(t.db, ["attempt-0", "attempt-2"]),
    );
    await draft.commit();
    expect((await t.inStore()).submissions.map(({ id }) => id)).toEqual(["attempt-1"]);
  });

  test("writes of other rows stay as they are, in their order", async () => {
    await using t = await setUp();
    const draft = await t.stored();
    decide(draft, patchRun(t.db, "another", { deleted: true }), patchRun(t.db, "run", { priority: 1 }));
    decide(draft, patchRun(t.db, "run", { priority: 2 }), patchRun(t.db, "a third", { deleted: true }));
    await draft.commit();
    expect(t.written()).toEqual(["update runs set", "update runs set", "update runs set"]);
    expect((await t.inStore()).run?.priority).toBe(2);
  });

  test("a commit that fails undoes what was done in memory, and leaves nothing to be stored", async () => {
    await using t = await setUp();
    const draft = await t.stored();
    const done: string[] = [];
    draft.add({
      statements: [
        patchRun(t.db, "run", { priority: 1 }),
        ...insertSubmissions(t.db, [{ ...anAttempt(0), id: "b" }]),
      ],
      effects: [() => done.push("effect")],
      undo: [() => done.push("undo")],
    });
    await expect(draft.commit()).rejects.toThrow("UNIQUE");
    expect(done).toEqual(["undo"]);
    expect(draft.isStored).toBe(true);
    expect(draft.run?.priority).toBe(0);
    expect(draft.submissions.map(({ id }) => id)).toEqual(["attempt-0"]);
  });
});
