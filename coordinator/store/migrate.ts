import type { Client, InStatement } from "@libsql/client";
import journal from "./migrations/meta/_journal.json" with { type: "json" };
import { MIGRATIONS } from "./migrations.ts";

const BREAKPOINT = "--> statement-breakpoint";

/**
 * Applies the migrations that drizzle-kit generated and that are embedded in the binary (drizzle's own
 * migrator reads a folder at run time, which a compiled binary does not have). Each is one transaction,
 * recorded under its tag.
 */
export const migrate = async (client: Client): Promise<void> => {
  await client.execute(
    "CREATE TABLE IF NOT EXISTS migrations (tag TEXT PRIMARY KEY, applied_at INTEGER NOT NULL)",
  );
  const { rows } = await client.execute("SELECT tag FROM migrations");
  const applied = new Set(rows.map((row) => row[0]));
  for (const { tag } of journal.entries) {
    if (applied.has(tag)) continue;
    const sql = MIGRATIONS[tag];
    if (sql === undefined) throw new Error(`Migration ${tag} is not embedded: add it to store/migrations.ts`);
    const statements: InStatement[] = sql.split(BREAKPOINT);
    statements.push({
      sql: "INSERT INTO migrations (tag, applied_at) VALUES (?, ?)",
      args: [tag, Date.now()],
    });
    await client.batch(statements, "write");
  }
};
