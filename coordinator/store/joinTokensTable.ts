import { index, integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { Labels } from "../../shared/api/labels.ts";

// Of joining. Apart from the other tables (schema.ts): these refer to them by their ids alone.

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

/** Proofs of host keys that have been taken, for as long as their moment would let them be taken again. */
export const usedProofs = sqliteTable(
  "used_proofs",
  {
    public_key: text("public_key").notNull(),
    /** The moment that was signed, milliseconds since 1970 by the host's clock. */
    at: integer("at").notNull(),
  },
  (t) => [primaryKey({ columns: [t.public_key, t.at] }), index("used_proofs_at").on(t.at)],
);
