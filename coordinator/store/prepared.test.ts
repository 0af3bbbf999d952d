import { expect, test } from "bun:test";
import { eq } from "drizzle-orm";
import { anInstance } from "../testing/anInstance.ts";
import { describeDatabases } from "../testing/databases.ts";
import { openStore, writeAll } from "./db.ts";
import { findInstance, insertInstance, moveInstance } from "./instances.ts";
import { preparedRows, preparedWrite } from "./prepared.ts";
import { instances } from "./schema.ts";

interface Values extends Record<string, unknown> {
  id: string;
  name?: string | undefined;
  session?: string | null;
}

const place = { project_id: "p", fleet_id: "f", instance_num: 0, name: "lab-0" };
const row = anInstance({ ...place, public_key: "key", credential_hash: "hash" }, { hostname: "host" });

describeDatabases("prepared statements", (open) => {
  const opened = async () => {
    const undo = new AsyncDisposableStack();
    const { url } = undo.use(await open());
    const { db } = undo.use(await openStore({ url }));
    return { db, [Symbol.asyncDispose]: () => undo.disposeAsync() };
  };

  test("rows come as drizzle itself reads them, nulls and JSON and yes or no included", async () => {
    await using t = await opened();
    await insertInstance(t.db, row);
    const [drizzles] = await t.db.select().from(instances).where(eq(instances.id, row.id));
    expect(await findInstance(t.db, row.id)).toEqual(drizzles);
    expect(await findInstance(t.db, row.id)).toEqual(row);
  });

  test("a statement is written once for each set of names, and then only gets values", async () => {
    await using t = await opened();
    let written = 0;
    const rename = preparedWrite((db, { id, ...patch }: Values) => {
      written++;
      return db.update(instances).set(patch).where(eq(instances.id, id));
    });
    await insertInstance(t.db, row);
    for (const name of ["a", "b", "c"]) await rename(t.db, { id: row.id, name });
    await writeAll(t.db, [
      rename(t.db, { id: row.id, session: "s" }),
      rename(t.db, { id: row.id, name: "d" }),
    ]);
    expect(written).toBe(2);
    expect(await findInstance(t.db, row.id)).toMatchObject({ name: "d", session: "s" });
  });

  test("what is undefined is left as it is, null is written", async () => {
    await using t = await opened();
    await insertInstance(t.db, row);
    const change = preparedWrite((db, { id, ...patch }: Values) =>
      db.update(instances).set(patch).where(eq(instances.id, id)),
    );
    await change(t.db, { id: row.id, session: "s", name: undefined });
    await change(t.db, { id: row.id, session: null });
    expect(await findInstance(t.db, row.id)).toEqual(row);
  });

  test("a value is never taken for a part of the statement", async () => {
    await using t = await opened();
    const name = `'); DELETE FROM "instances" --`;
    await insertInstance(t.db, { ...row, name });
    const byName = preparedRows(instances, (db, values: { name: string }) =>
      db.select().from(instances).where(eq(instances.name, values.name)),
    );
    expect(await byName(t.db, { name })).toHaveLength(1);
    expect(await byName(t.db, { name: "%" })).toEqual([]);
  });

  test("a move that is not legal changes nothing", async () => {
    await using t = await opened();
    await insertInstance(t.db, { ...row, status: "terminating" });
    await moveInstance(t.db, row.id, { to: "busy", patch: { session: "s" } });
    expect(await findInstance(t.db, row.id)).toMatchObject({ status: "terminating", session: null });
  });
});
