import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../../shared/errors.ts";
import { silentLogger } from "../../shared/log.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { anAssignment } from "../testing/anAssignment.ts";
import { Journal } from "./journal.ts";

const open = (dir: { path: string }) => Journal.open(join(dir.path, "journal.db"), silentLogger);
const end = { exitStatus: 0, reason: "done_by_runner", message: "" } as const;
const finished = {
  state: "finished",
  reason: "done_by_runner",
  message: "",
  exit_status: 0,
  log_bytes: 1,
} as const;

test("what was written is there after a restart: state, sequence, times, the end, unanswered reports", () => {
  using dir = tempDir();
  const assignment = anAssignment();
  const id = assignment.submission_id;
  {
    using journal = open(dir);
    journal.add(assignment, 10);
    journal.note(id, { state: "pulling" }, { at: 11 });
    journal.note(id, { state: "running" }, { at: 12, startedAt: 12 });
    journal.confirm([id]);
    journal.removeReport({ submission_id: id, sequence: 1 });
  }
  using journal = open(dir);
  expect(journal.list()).toEqual([
    { assignment, state: "running", receivedAt: 10, isConfirmed: true, startedAt: 12, end: null },
  ]);
  expect(journal.listReports().map((report) => report.sequence)).toEqual([2]);
  expect(journal.note(id, finished, { at: 13, end })).toMatchObject({ sequence: 3, at: 13, fact: finished });
  expect(journal.list()).toMatchObject([{ state: "finished", startedAt: 12, end }]);
});

test("a stop stays one until the end, and the first end stays the end", () => {
  using dir = tempDir();
  using journal = open(dir);
  const assignment = anAssignment();
  const id = assignment.submission_id;
  journal.add(assignment, 0);
  journal.setStopping(id);
  journal.note(id, { state: "running" }, { at: 1 });
  expect(journal.list()[0]?.state).toBe("stopping");
  journal.note(id, finished, { at: 2, end });
  journal.note(id, finished, { at: 3, end: { ...end, message: "another" } });
  expect(journal.list()[0]).toMatchObject({ state: "finished", end });
});

test("remove() takes a submission's reports with it", () => {
  using dir = tempDir();
  using journal = open(dir);
  const assignment = anAssignment();
  journal.add(assignment, 0);
  journal.note(assignment.submission_id, { state: "preparing" }, { at: 1 });
  journal.remove(assignment.submission_id);
  expect([journal.list(), journal.listReports()]).toEqual([[], []]);
});

test("a second journal on the same file is refused in one line", () => {
  using dir = tempDir();
  using _first = open(dir);
  const refused = (() => {
    try {
      return open(dir);
    } catch (err) {
      return err;
    }
  })();
  expect(refused).toBeInstanceOf(AppError);
  expect(refused).toMatchObject({
    code: "conflict",
    message: expect.stringContaining("Another agent is running"),
  });
});

test("a look into the journal changes nothing, and finds out that an agent has it", () => {
  using dir = tempDir();
  const path = join(dir.path, "journal.db");
  {
    using journal = open(dir);
    journal.add(anAssignment(), 0);
    expect(Journal.count(path)).toBeUndefined();
  }
  expect([Journal.count(path), Journal.count(path)]).toEqual([1, 1]);
  using journal = open(dir);
  expect(journal.start).toBe(2);
});

test("somebody who looks into the journal does not keep the agent from starting", async () => {
  using dir = tempDir();
  open(dir)[Symbol.dispose]();
  const look = `
    const { Database } = require("bun:sqlite");
    const db = new Database(process.argv[1]);
    db.run("PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE");
    console.log("has it");
    setTimeout(() => db.close(), 200);`;
  const child = Bun.spawn([process.execPath, "-e", look, join(dir.path, "journal.db")], { stdout: "pipe" });
  await child.stdout.getReader().read();
  using journal = open(dir);
  expect(journal.start).toBe(2);
  expect(await child.exited).toBe(0);
});

test("nor does somebody who looks at its first moment, when both make it", async () => {
  using dir = tempDir();
  const look = `
    const { Journal } = await import(process.argv[2]);
    process.stdout.write("ready");
    process.stdin.on("data", (bytes) => {
      for (const path of bytes.toString().trim().split("\\n"))
        for (let times = 0; times < 8; times += 1) Journal.count(path);
    });`;
  const child = Bun.spawn([process.execPath, "-e", look, "-", join(import.meta.dir, "journal.ts")], {
    stdin: "pipe",
    stdout: "pipe",
  });
  await child.stdout.getReader().read();
  for (let made = 0; made < 40; made += 1) {
    const path = join(dir.path, `${made}.db`);
    child.stdin.write(`${path}\n`);
    await child.stdin.flush();
    using journal = Journal.open(path, silentLogger);
    expect(journal.list()).toEqual([]);
  }
  child.stdin.end();
  expect(await child.exited).toBe(0);
});

test("a damaged journal is moved aside, and a new one begun", () => {
  using dir = tempDir();
  writeFileSync(join(dir.path, "journal.db"), "this is no database, and long enough to be none ".repeat(100));
  using journal = open(dir);
  expect(journal.list()).toEqual([]);
  expect(readdirSync(dir.path).some((name) => name.startsWith("journal.db.damaged-"))).toBe(true);
});

test("a journal that a newer agent left is read: what is known of each job stays, the rest is passed over", () => {
  using dir = tempDir();
  const newer = new Database(join(dir.path, "journal.db"));
  newer.run(readFileSync(join(import.meta.dir, "testdata/newerJournal.sql"), "utf8"));
  newer.close();
  {
    using journal = open(dir);
    expect(journal.start).toBe(42);
    const [running, unknown, ended] = journal.list();
    expect(running).toMatchObject({ state: "running", startedAt: 2000, isConfirmed: true, end: null });
    expect(running?.assignment).toMatchObject({
      run_name: "train",
      env: { LR: "0.1" },
      mounts: [{ source: "/data", target: "/data", optional: true }],
    });
    expect(unknown).toMatchObject({ state: "running", startedAt: 2001 });
    expect(ended).toMatchObject({ state: "finished", end: { exitStatus: 3, message: "no" } });
    // Told as they are: the coordinator may be the newer one.
    expect(journal.listReports().map(({ sequence, fact }) => [sequence, fact.state as string])).toEqual([
      [2, "running"],
      [1, "checkpointing"],
      [2, "finished"],
    ]);

    const fresh = journal.add(anAssignment(), 5000).assignment.submission_id;
    const id = running?.assignment.submission_id ?? "";
    expect(journal.note(id, finished, { at: 3000, end })).toMatchObject({ sequence: 3 });
    journal.confirm([fresh]);
    journal.remove(unknown?.assignment.submission_id ?? "");
    expect(journal.list().map(({ state }) => state)).toEqual(["finished", "finished", "preparing"]);
  }
  // And back: what only the newer one knows is where it was.
  using back = new Database(join(dir.path, "journal.db"));
  expect(back.query("SELECT checkpoints FROM submissions ORDER BY received_at").values()).toEqual([
    [3],
    [0],
    [0],
  ]);
  expect(back.query("SELECT path FROM checkpoints").values()).toEqual([["/data/1"]]);
});
