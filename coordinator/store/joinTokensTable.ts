import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { Labels } from "../../shared/api/labels.ts";

// Apart from the other tables (schema.ts): it refers to them by their ids alone.

export const joinTokens = sqliteTable("join_tokens", {
  id: text("id").primaryKey(),
  project_id: text("project_id").notNull(),
  fleet_id: text("fleet_id").notNull(),
  /** SHA-256 hex of the token. */
  token_hash: text("token_hash").notNull().unique(),
  created_at: integer("created_at").notNull(),
  expires_at: integer("expires_at").notNull(),
  /** Null: no limit. */
  uses_left: integer("uses_left"),
  /** Null: as the fleet says. */
  blocks: text("blocks", { mode: "json" }).$type<number | "auto">(),
  /** The made instance that joins with it, and no other. */
  instance_id: text("instance_id"),
  /** What the hosts that join with it are labelled with. */
  labels: text("labels", { mode: "json" }).$type<Labels>(),
  revoked: integer("revoked", { mode: "boolean" }).notNull().default(false),
});
