import { expect, test } from "bun:test";
import { join } from "node:path";
import { createClient } from "@libsql/client";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { anInventory } from "../testing/anInstance.ts";
import { openStore } from "./db.ts";
import { joinTokens } from "./joinTokensTable.ts";
import { MIGRATIONS } from "./migrations.ts";
import { instances, submissions } from "./schema.ts";

/** A database as the first version left it, with a row of everything that later versions added to. */
const makeOldDatabase = async (url: string): Promise<void> => {
  const client = createClient({ url });
  const first = MIGRATIONS["0000_init"] ?? "";
  await client.batch(
    [
      ...first.split("--> statement-breakpoint"),
      "CREATE TABLE migrations (tag TEXT PRIMARY KEY, applied_at INTEGER NOT NULL)",
      "INSERT INTO migrations VALUES ('0000_init', 0)",
      {
        sql: `INSERT INTO instances (id, project_id, fleet_id, instance_num, name, status, inventory, public_key,
          boot_id, agent_version, credential_hash, credential_expires_at, created_at)
          VALUES ('i', 'p', 'f', 0, 'lab-0', 'busy', ?, 'key', 'boot', '0.1.0', 'hash', 0, 0)`,
        args: [JSON.stringify(anInventory())],
      },
      `INSERT INTO join_tokens (id, project_id, fleet_id, token_hash, created_at, expires_at)
        VALUES ('t', 'p', 'f', 'hash', 0, 0)`,
      `INSERT INTO submissions (id, run_id, replica_num, job_num, submission_num, job_spec, status, instance_id,
        submitted_at, last_processed_at) VALUES ('s', 'r', 0, 0, 0, '{}', 'running', 'i', 0, 0)`,
    ],
    "write",
  );
  client.close();
};

test("a database of the first version opens: hosts are whole, and whoever is there has all of one", async () => {
  using dir = tempDir();
  const url = `file:${join(dir.path, "old.db")}`;
  await makeOldDatabase(url);
  await using store = await openStore({ url });
  expect(await store.db.select().from(instances)).toMatchObject([
    { id: "i", blocks: 1, made: null, status: "busy" },
  ]);
  expect(await store.db.select().from(joinTokens)).toMatchObject([
    { id: "t", blocks: null, instance_id: null },
  ]);
  expect(await store.db.select().from(submissions)).toMatchObject([{ id: "s", share: null }]);
});
