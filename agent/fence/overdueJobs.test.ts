import { expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { findOverdue, writeLimit } from "./overdueJobs.ts";

const setUp = () => {
  const dir = tempDir();
  const job = (id: string) => {
    const path = join(dir.path, "jobs", id);
    mkdirSync(path, { recursive: true });
    return path;
  };
  const answered = (text: string) => writeFileSync(join(dir.path, "answered"), text);
  return { path: dir.path, job, answered, [Symbol.dispose]: () => dir[Symbol.dispose]() };
};

test("a job is overdue a moment after its limit, counted from the last answer; one without a limit never is", () => {
  using t = setUp();
  writeLimit(t.job("short"), 1_000);
  writeLimit(t.job("long"), 60_000);
  t.job("free");
  t.answered("5000\n");
  expect(findOverdue(t.path, 6_999)).toEqual({ ids: [], limited: 2 });
  expect(findOverdue(t.path, 7_000)).toEqual({ ids: ["short"], limited: 2 });
  t.answered("9000\n");
  expect(findOverdue(t.path, 7_000).ids).toEqual([]);
});

test("an answer or a limit that is half written says nothing yet", () => {
  using t = setUp();
  writeLimit(t.job("short"), 1_000);
  expect(findOverdue(t.path, 1e12).ids).toEqual([]);
  t.answered("50");
  expect(findOverdue(t.path, 1e12).ids).toEqual([]);
  t.answered("5000\n");
  writeFileSync(join(t.job("short"), "silence"), "1");
  expect(findOverdue(t.path, 1e12)).toEqual({ ids: [], limited: 0 });
});

test("a host that has left its fleet has no jobs", () => {
  using t = setUp();
  rmSync(t.path, { recursive: true });
  expect(findOverdue(t.path, 0)).toEqual({ ids: [], limited: 0 });
});
