import { expect, test } from "bun:test";
import { RunSpec } from "../../shared/api/runs.ts";
import { getJobSpecs } from "../../shared/config/jobSpecs.ts";
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
import { describeDatabases } from "../testing/databases.ts";
import { RunDraft } from "./runDraft.ts";

const spec = RunSpec.parse({
  run_name: "r",
  configuration: { type: "task", commands: ["true"] },
  ssh_key_pub: "",
});

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
    const [jobSpec] = getJobSpecs(spec, { runName: "r", defaultPython: "3.12" });
    if (!jobSpec) throw new Error("A task has a job");
    const run = {
      id: "r",
      project_id: "p",
      user_id: "u",
      name: "r",
      spec,
      submitted_at: 0,
      last_processed_at: 0,
    };
    const attempt = (num: number) => ({
      id: `a${num}`,
      run_id: "r",
      replica_num: 0,
      job_num: 0,
      submission_num: num,
      job_spec: jobSpec,
      status: "submitted" as const,
      submitted_at: 0,
      last_processed_at: 0,
    });
    const only = (...statements: Statement[]) => ({ statements, effects: [] });
    return {
      deps,
      db,
      run: { ...run, status: "submitted" as const },
      attempt,
      only,
      /** SQL of what was written since it was asked for last, without its values. */
      written: () => written.splice(0).map((sql) => sql.split(" ").slice(0, 3).join(" ").replaceAll('"', "")),
      /** Stored with one attempt. */
      stored: async () => {
        const draft = new RunDraft(deps, "r");
        draft.add(
          only(insertRun(db, { ...run, status: "submitted" }), ...insertSubmissions(db, [attempt(0)])),
        );
        await draft.commit();
        written.length = 0;
        return draft;
      },
      inStore: async () => {
        db.$rows.clear();
        return { run: await findRun(db, "r"), submissions: await listSubmissions(db, "r") };
      },
      [Symbol.asyncDispose]: () => undo.disposeAsync(),
    };
  };

  test("a new run is stored as what became of it meanwhile", async () => {
    await using t = await setUp();
    const draft = new RunDraft(t.deps, "r");
    draft.add(t.only(insertRun(t.db, t.run), ...insertSubmissions(t.db, [t.attempt(0)])));
    draft.add(t.only(moveSubmission(t.db, "a0", { to: "provisioning", patch: { instance_id: "i" } })));
    draft.add(t.only(moveRun(t.db, "r", { to: "provisioning", patch: { fleet_id: "f" } })));
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
    draft.add(t.only(claimReport(t.db, "a0", 2), patchSubmission(t.db, "a0", { exit_status: 1 })));
    draft.add(t.only(moveSubmission(t.db, "a0", { to: "terminating", patch: { exit_status: 3 } })));
    draft.add(
      t.only(moveSubmission(t.db, "a0", { to: "failed", patch: {} }), patchRun(t.db, "r", { priority: 1 })),
    );
    await draft.commit();
    expect(t.written()).toEqual(["update submissions set", "update runs set"]);
    const { submissions } = await t.inStore();
    expect(submissions).toMatchObject([{ status: "failed", report_sequence: 2, exit_status: 3 }]);
  });

  test("a write that its guard refuses changes nothing, before the commit nor after it", async () => {
    await using t = await setUp();
    const draft = await t.stored();
    draft.add(t.only(claimReport(t.db, "a0", 2), claimReport(t.db, "a0", 1)));
    draft.add(t.only(moveSubmission(t.db, "a0", { to: "done", patch: { exit_status: 0 } })));
    draft.add(t.only(moveRun(t.db, "r", { to: "done", patch: { priority: 4 } })));
    expect(draft.findSubmission("a0")).toMatchObject({
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
    draft.add(t.only(moveSubmission(t.db, "a0", { to: "provisioning", patch: { instance_id: "mine" } })));
    await moveSubmission(t.db, "a0", { to: "terminating", patch: {} });
    await draft.commit();
    expect(draft.findSubmission("a0")).toMatchObject({ status: "terminating", instance_id: null });
  });

  test("attempts come in their order and go, also before they were stored", async () => {
    await using t = await setUp();
    const draft = await t.stored();
    draft.add(t.only(...insertSubmissions(t.db, [t.attempt(2), t.attempt(1)])));
    expect(draft.submissions.map(({ id }) => id)).toEqual(["a0", "a1", "a2"]);
    draft.add(
      t.only(patchSubmission(t.db, "a0", { exit_status: 1 }), ...deleteSubmissions(t.db, ["a0", "a2"])),
    );
    await draft.commit();
    expect((await t.inStore()).submissions.map(({ id }) => id)).toEqual(["a1"]);
  });

  test("writes of other rows stay as they are, in their order", async () => {
    await using t = await setUp();
    const draft = await t.stored();
    draft.add(t.only(patchRun(t.db, "another", { deleted: true }), patchRun(t.db, "r", { priority: 1 })));
    draft.add(t.only(patchRun(t.db, "r", { priority: 2 }), patchRun(t.db, "a third", { deleted: true })));
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
        patchRun(t.db, "r", { priority: 1 }),
        ...insertSubmissions(t.db, [{ ...t.attempt(0), id: "b" }]),
      ],
      effects: [() => done.push("effect")],
      undo: [() => done.push("undo")],
    });
    await expect(draft.commit()).rejects.toThrow("UNIQUE");
    expect(done).toEqual(["undo"]);
    expect(draft.isStored).toBe(true);
    expect(draft.run?.priority).toBe(0);
    expect(draft.submissions.map(({ id }) => id)).toEqual(["a0"]);
  });
});
