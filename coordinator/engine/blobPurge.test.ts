import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { silentLogger } from "../../shared/log.ts";
import { FakeClock } from "../../shared/testing/fakeClock.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { openDiskBlobStore } from "../blobs/diskBlobStore.ts";
import { type Db, openStore } from "../store/db.ts";
import { findFileArchive, insertFileArchive } from "../store/fileArchives.ts";
import { hasRepoCode, insertRepoCode } from "../store/repos.ts";
import { runs } from "../store/schema.ts";
import { aRun } from "../testing/aRun.ts";
import { describeDatabases, fileDatabase, type TestDatabase } from "../testing/databases.ts";
import { purgeBlobs } from "./blobPurge.ts";

const TTL_S = 1000;
const repo = { project_id: "p", repo_id: "app" };

const openParts = async (database: TestDatabase) => {
  await using undo = new AsyncDisposableStack();
  const dir = undo.use(tempDir()).path;
  const { db } = undo.use(await openStore({ url: database.url }));
  const clock = new FakeClock();
  const blobs = openDiskBlobStore(join(dir, "blobs"), clock);
  const closers = undo.move();
  return {
    db,
    clock,
    blobs,
    /** What a user has uploaded; its hash. */
    add: async (content: string): Promise<string> => {
      const sha256 = new Bun.CryptoHasher("sha256").update(content).digest("hex");
      mkdirSync(dir, { recursive: true });
      writeFileSync(join(dir, "new"), content);
      await blobs.adopt(sha256, join(dir, "new"));
      const row = { id: `of-${content}`, user_id: "u", hash: sha256, size: 1, created_at: 0 };
      await insertFileArchive(db, row);
      return sha256;
    },
    [Symbol.asyncDispose]: () => closers.disposeAsync(),
  };
};

const submit = async (
  db: Db,
  id: string,
  more: { status?: "running" | "done"; archive?: string; code?: string },
) => {
  const { status = "running", archive, code } = more;
  const row = aRun();
  const file_archives = archive === undefined ? [] : [{ id: archive, path: "/a" }];
  await db.insert(runs).values({
    ...row,
    id,
    name: id,
    status,
    spec: { ...row.spec, file_archives, repo_code_hash: code ?? null },
  });
};

describeDatabases("uploads that are of no use any more", (open) => {
  test("go after their time with all that is known of them, unless a run that is not over has them", async () => {
    await using database = await open();
    await using t = await openParts(database);
    const idle = await t.add("idle");
    const running = await t.add("running");
    const over = await t.add("over");
    const code = await t.add("code");
    const fetched = await t.add("fetched");
    for (const hash of [code, over]) await insertRepoCode(t.db, { ...repo, hash });
    await submit(t.db, "running", { archive: "of-running" });
    await submit(t.db, "with-code", { code });
    await submit(t.db, "over", { status: "done", archive: "of-over", code: over });
    t.clock.advance((TTL_S / 2) * 1000);
    await t.blobs.find(fetched);
    const purge = purgeBlobs({ ...t, log: silentLogger }, { ttlS: TTL_S });
    t.clock.advance(0);
    expect(await t.blobs.has(idle)).toBe(true);
    await waitFor("the idle ones to go", async () => {
      if (!(await t.blobs.has(idle)) && !(await t.blobs.has(over))) return true;
      await t.blobs.find(fetched);
      t.clock.advance((TTL_S / 2) * 1000);
      return false;
    });
    await purge.close();
    for (const hash of [running, code, fetched]) expect(await t.blobs.has(hash)).toBe(true);
    for (const hash of [idle, over]) expect(await findFileArchive(t.db, "u", hash)).toBeUndefined();
    expect((await findFileArchive(t.db, "u", running))?.id).toBe("of-running");
    expect(await hasRepoCode(t.db, { ...repo, hash: over })).toBe(false);
    expect(await hasRepoCode(t.db, { ...repo, hash: code })).toBe(true);
  });
});

test("a time of 0 keeps them for ever", async () => {
  await using database = await fileDatabase();
  await using t = await openParts(database);
  const kept = await t.add("kept");
  const purge = purgeBlobs({ ...t, log: silentLogger }, { ttlS: 0 });
  t.clock.advance(1e12);
  await purge.close();
  expect(await t.blobs.has(kept)).toBe(true);
});
