import { expect, test } from "bun:test";
import { join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { openStore } from "./db.ts";

test("a file that another connection is writing is waited for", async () => {
  using dir = tempDir();
  const path = join(dir.path, "test.db");
  const script = `
    import { Database } from "bun:sqlite";
    const db = new Database(${JSON.stringify(path)});
    db.run("PRAGMA locking_mode = EXCLUSIVE");
    db.run("CREATE TABLE other (id)");
    db.run("BEGIN EXCLUSIVE");
    console.log("locked");
    process.stdin.once("data", () => process.exit(0));
  `;
  const other = Bun.spawn([process.execPath, "-e", script], { stdin: "pipe", stdout: "pipe" });
  await other.stdout.getReader().read();
  const opening = openStore({ url: `file:${path}` });
  other.stdin.write("go");
  other.stdin.end();
  await using store = await opening;
  expect(store.db.$client.closed).toBe(false);
  await other.exited;
});
