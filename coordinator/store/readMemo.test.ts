import { expect, test } from "bun:test";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { openStore } from "./db.ts";
import { addMembers, findRole } from "./members.ts";
import { ReadMemo } from "./readMemo.ts";
import { findUserByTokenHash, insertUser, markUsersDeleted, setUserTokenHash } from "./users.ts";

const answer = { key: "k", rows: [1] };

test("what was answered is found until its table is written", () => {
  const memo = new ReadMemo();
  memo.keep("users", { ...answer, version: memo.version("users") });
  memo.forget("projects");
  expect(memo.find("users", "k")).toEqual([1]);
  expect(memo.find("projects", "k")).toBeUndefined();
  memo.forget("users");
  expect(memo.find("users", "k")).toBeUndefined();
});

test("what was read before a write is not kept after it", () => {
  const memo = new ReadMemo();
  const version = memo.version("users");
  memo.forget("users");
  memo.keep("users", { ...answer, version });
  expect(memo.find("users", "k")).toBeUndefined();
});

test("no more is kept than there are people", () => {
  const memo = new ReadMemo();
  for (let num = 0; num < 5_000; num++)
    memo.keep("users", { key: `k${num}`, rows: [num], version: memo.version("users") });
  expect(memo.find("users", "k0")).toBeUndefined();
  expect(memo.find("users", "k4999")).toEqual([4999]);
});

test("over a store: who somebody is, and what they may, is as it was written last", async () => {
  using dir = tempDir();
  await using store = await openStore({ url: `file:${dir.path}/test.db` });
  const { db } = store;
  const user = {
    id: "u",
    username: "ann",
    global_role: "user" as const,
    token_hash: "one",
    active: true,
    created_at: 0,
  };
  const keys = { ssh_public_key: "", ssh_private_key_sealed: "" };
  await insertUser(db, { ...user, ...keys }, addMembers(db, "p", [{ userId: "u", role: "user" }]));
  const statements: string[] = [];
  const execute = db.$client.execute.bind(db.$client);
  const client: { execute: (...args: Parameters<typeof execute>) => ReturnType<typeof execute> } = db.$client;
  client.execute = (...args) => {
    statements.push(String(args[0]));
    return execute(...args);
  };
  const seen = async (hash: string) => [
    (await findUserByTokenHash(db, hash))?.username,
    await findRole(db, "p", "u"),
  ];
  expect(await seen("one")).toEqual(["ann", "user"]);
  statements.length = 0;
  expect(await seen("one")).toEqual(["ann", "user"]);
  expect(statements).toEqual([]);
  await setUserTokenHash(db, "u", "two");
  await Promise.all(addMembers(db, "p", [{ userId: "u", role: "admin" }]));
  expect(await seen("one")).toEqual([undefined, "admin"]);
  expect(await seen("two")).toEqual(["ann", "admin"]);
  await markUsersDeleted(db, ["u"]);
  expect(await seen("two")).toEqual([undefined, "admin"]);
});
