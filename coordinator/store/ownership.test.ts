import { expect, test } from "bun:test";
import { join } from "node:path";
import { eq } from "drizzle-orm";
import { silentLogger } from "../../shared/log.ts";
import { FakeClock } from "../../shared/testing/fakeClock.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { describeDatabases } from "../testing/databases.ts";
import { openStore } from "./db.ts";
import { claimOwnership, holderOf } from "./ownership.ts";
import { settings } from "./schema.ts";

describeDatabases("claimOwnership()", (open) => {
  const setUp = async () => {
    const stack = new AsyncDisposableStack();
    const { url } = stack.use(await open());
    const { db } = stack.use(await openStore({ url }));
    const other = url.startsWith("file:") ? db : stack.use(await openStore({ url })).db;
    const clock = new FakeClock();
    const lost: string[] = [];
    const claim = async (name: string, use = db, holder = name) => {
      const onLost = () => void lost.push(name);
      return stack.use(await claimOwnership(use, { holder, name, clock, log: silentLogger, onLost }));
    };
    return { db, other, clock, lost, claim, [Symbol.asyncDispose]: () => stack.disposeAsync() };
  };

  test("refuses a second coordinator, and says which one is there", async () => {
    await using t = await setUp();
    await t.claim("first");
    expect(t.claim("second", t.other)).rejects.toThrow("Another coordinator works on this database: first");
  });

  test("lets another in once the first has ended, or its time is over", async () => {
    await using t = await setUp();
    await (await t.claim("first"))[Symbol.asyncDispose]();
    await t.claim("second", t.other);
    const old = JSON.stringify({ epoch: "e", holder: "h", name: "old", expires_at: 1 });
    await t.db.update(settings).set({ value: old }).where(eq(settings.key, "owner"));
    await t.claim("third");
    t.clock.advance(10_000);
    await waitFor("the second to learn of it", () => t.lost.length > 0);
    expect(t.lost).toEqual(["second"]);
  });

  test("lets the same installation in at once after it was killed", async () => {
    await using t = await setUp();
    await t.claim("killed", t.db, "here");
    await t.claim("again", t.other, "here");
    t.clock.advance(10_000);
    await waitFor("the old one to learn of it", () => t.lost.length > 0);
    expect(t.lost).toEqual(["killed"]);
  });
});

test("holderOf() stays the same", () => {
  using dir = tempDir();
  const path = join(dir.path, "data", "holder");
  expect(holderOf(path)).toBe(holderOf(path));
});
