import { expect, test } from "bun:test";
import { join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { openFileClient } from "./fileClient.ts";

const opened = async () => {
  const dir = tempDir();
  const client = openFileClient(join(dir.path, "test.db"));
  await client.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE, ok INTEGER)");
  return {
    client,
    names: async () => (await client.execute("SELECT name FROM t ORDER BY id")).rows.map((row) => row[0]),
    [Symbol.dispose]: () => {
      client.close();
      dir[Symbol.dispose]();
    },
  };
};

const INSERT = "INSERT INTO t (name, ok) VALUES (?, ?)";

test("the same statement is used again with other values", async () => {
  using t = await opened();
  for (const name of ["a", "b", "c"]) {
    const { rowsAffected } = await t.client.execute({ sql: INSERT, args: [name, true] });
    expect(rowsAffected).toBe(1);
  }
  const select = { sql: "SELECT name, ok FROM t WHERE name = ?" };
  for (const name of ["c", "a"])
    expect((await t.client.execute({ ...select, args: [name] })).rows).toEqual([[name, 1]] as never);
  expect((await t.client.execute({ ...select, args: ["z"] })).rows).toEqual([]);
});

test("what a statement returns follows a change of the table", async () => {
  using t = await opened();
  await t.client.execute({ sql: INSERT, args: ["a", null] });
  const select = "SELECT * FROM t";
  expect((await t.client.execute(select)).rows).toEqual([[1, "a", null]] as never);
  await t.client.execute("ALTER TABLE t ADD COLUMN more TEXT DEFAULT 'x'");
  expect((await t.client.execute(select)).rows).toEqual([[1, "a", null, "x"]] as never);
});

test("a batch takes effect as a whole or not at all, and the next one is not harmed", async () => {
  using t = await opened();
  await t.client.batch([{ sql: INSERT, args: ["a", 1] }, [INSERT, ["b", 0]]]);
  const broken = t.client.batch([
    { sql: INSERT, args: ["c", 1] },
    { sql: INSERT, args: ["a", 1] },
  ]);
  expect(broken).rejects.toMatchObject({ code: "SQLITE_CONSTRAINT_UNIQUE" });
  expect(await t.names()).toEqual(["a", "b"]);
  await t.client.batch([{ sql: INSERT, args: ["d", 1] }]);
  expect(await t.names()).toEqual(["a", "b", "d"]);
});

test("batches that come together are one commit, and one that is refused spoils no other", async () => {
  using t = await opened();
  const insert = (name: string) => t.client.batch([{ sql: INSERT, args: [name, 1] }]);
  const settled = await Promise.allSettled([insert("a"), insert("b"), insert("a"), insert("c")]);
  const statuses = settled.map(({ status }) => status);
  expect(statuses).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
  expect(await t.names()).toEqual(["a", "b", "c"]);
  const [first, second] = await Promise.all([
    t.client.batch(["SELECT 1", "SELECT 2"]),
    t.client.batch(["SELECT 3"]),
  ]);
  expect([first, second].map((results) => results.map(({ rows }) => rows))).toEqual([
    [[[1]], [[2]]],
    [[[3]]],
  ] as never);
});

test("what was asked for is written before the file is closed", async () => {
  using t = await opened();
  const written = t.client.batch([{ sql: INSERT, args: ["a", 1] }]);
  t.client.close();
  expect((await written).map(({ rowsAffected }) => rowsAffected)).toEqual([1]);
});

test("RETURNING tells what an update has changed", async () => {
  using t = await opened();
  await t.client.execute({ sql: INSERT, args: ["a", 1] });
  const update = { sql: "UPDATE t SET ok = 0 WHERE name = ? RETURNING id" };
  expect((await t.client.execute({ ...update, args: ["a"] })).rows).toEqual([[1]] as never);
  expect((await t.client.execute({ ...update, args: ["b"] })).rows).toEqual([]);
  expect((await t.client.execute("SELECT ok FROM t")).rows).toEqual([[0]] as never);
});

test("statements without end do not fill the memory: old ones are prepared again", async () => {
  using t = await opened();
  await t.client.execute({ sql: INSERT, args: ["a", 1] });
  for (let at = 0; at < 1100; at++)
    expect((await t.client.execute(`SELECT ${at}, name FROM t`)).rows).toEqual([[at, "a"]] as never);
});

test("what SQLite refuses rejects", async () => {
  using t = await opened();
  expect(t.client.execute("SELECT nonsense")).rejects.toThrow("no such column: nonsense");
});
