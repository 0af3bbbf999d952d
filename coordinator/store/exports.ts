import { and, desc, eq, inArray, sql } from "drizzle-orm";
import { type Db, type Statement, writeAll } from "./db.ts";
import { exportedThings, exports, imports, projects } from "./schema.ts";
import { unlessTaken } from "./uniqueness.ts";

export type ExportRow = typeof exports.$inferSelect;
export type ImportRow = typeof imports.$inferSelect;
export type ThingKind = (typeof exportedThings.$inferSelect)["kind"];

/** What an export shares, and with whom by name. */
export interface ExportParts {
  importers: string[];
  fleets: string[];
  gateways: string[];
}

/** What is there already stays as it is: imports keep their ids. */
const addParts = (db: Db, exportId: string, { importers, fleets, gateways }: ExportParts): Statement[] => {
  const things = (kind: ThingKind, ids: string[]) =>
    ids.map((thing_id) =>
      db.insert(exportedThings).values({ export_id: exportId, kind, thing_id }).onConflictDoNothing(),
    );
  const toImport = (project_id: string) =>
    db
      .insert(imports)
      .values({ id: crypto.randomUUID(), export_id: exportId, project_id })
      .onConflictDoNothing();
  return [...importers.map(toImport), ...things("fleet", fleets), ...things("gateway", gateways)];
};

const removeParts = (db: Db, exportId: string, { importers, fleets, gateways }: ExportParts): Statement[] => [
  db.delete(imports).where(and(eq(imports.export_id, exportId), inArray(imports.project_id, importers))),
  db
    .delete(exportedThings)
    .where(
      and(eq(exportedThings.export_id, exportId), inArray(exportedThings.thing_id, [...fleets, ...gateways])),
    ),
];

/** `also` is part of the same transaction. */
export const insertExport = (
  db: Db,
  row: ExportRow,
  { parts, also }: { parts: ExportParts; also: readonly Statement[] },
): Promise<unknown> =>
  unlessTaken(
    `Export "${row.name}" exists already`,
    writeAll(db, [db.insert(exports).values(row), ...addParts(db, row.id, parts), ...also]),
  );

/** What is both added and removed is not there afterwards. `isGlobal` undefined: as it is. */
export const changeExport = (
  db: Db,
  id: string,
  { isGlobal, add, remove }: { isGlobal: boolean | undefined; add: ExportParts; remove: ExportParts },
): Statement[] => [
  ...(isGlobal === undefined
    ? []
    : [db.update(exports).set({ is_global: isGlobal }).where(eq(exports.id, id))]),
  ...addParts(db, id, add),
  ...removeParts(db, id, remove),
];

export const deleteExport = (db: Db, id: string): Statement[] => [
  db.delete(exportedThings).where(eq(exportedThings.export_id, id)),
  db.delete(imports).where(eq(imports.export_id, id)),
  db.delete(exports).where(eq(exports.id, id)),
];

export const findExportByName = async (
  db: Db,
  projectId: string,
  name: string,
): Promise<ExportRow | undefined> =>
  (
    await db
      .select()
      .from(exports)
      .where(and(eq(exports.project_id, projectId), eq(exports.name, name)))
  )[0];

/** Newest first. */
export const listExports = (db: Db, projectId: string): Promise<ExportRow[]> =>
  db
    .select()
    .from(exports)
    .where(eq(exports.project_id, projectId))
    .orderBy(desc(exports.created_at), exports.id);

// Nobody imports what belongs to a project that is deleted, nor what is the own project's anyway.
const hasOwner = sql`EXISTS (SELECT 1 FROM ${projects} WHERE ${projects.id} = ${exports.project_id} AND ${projects.deleted} = 0)`;
const isFor = (projectIds: readonly string[]) => {
  const ids = sql`(SELECT value FROM json_each(${JSON.stringify(projectIds)}))`;
  const byName = sql`EXISTS (SELECT 1 FROM ${imports} WHERE ${imports.export_id} = ${exports.id} AND ${imports.project_id} IN ${ids})`;
  const byAll = sql`${exports.is_global} = 1 AND EXISTS (SELECT 1 FROM json_each(${JSON.stringify(projectIds)}) WHERE value <> ${exports.project_id})`;
  return sql`${hasOwner} AND (${byName} OR (${byAll}))`;
};

/** What other projects share with this one. */
export const listExportsFor = (db: Db, projectId: string): Promise<ExportRow[]> =>
  db
    .select()
    .from(exports)
    .where(isFor([projectId]))
    .orderBy(desc(exports.created_at), exports.id);

/** Does the project share anything with one of these? */
export const hasExportFor = async (db: Db, projectId: string, importerIds: string[]): Promise<boolean> =>
  (
    await db
      .select({ id: exports.id })
      .from(exports)
      .where(and(eq(exports.project_id, projectId), isFor(importerIds)))
      .limit(1)
  ).length > 0;

/** The fleets or gateways that other projects share with any of these; some may be deleted. */
export const listImportedIds = async (db: Db, projectIds: string[], kind: ThingKind): Promise<string[]> =>
  projectIds.length === 0
    ? []
    : (
        await db
          .selectDistinct({ id: exportedThings.thing_id })
          .from(exportedThings)
          .innerJoin(exports, eq(exports.id, exportedThings.export_id))
          .where(and(eq(exportedThings.kind, kind), isFor(projectIds)))
      ).map((row) => row.id);

/** Every fleet that is shared, with whom by name (null: with nobody), and whether with all; some may be deleted. */
export const listSharedFleets = (
  db: Db,
): Promise<{ fleetId: string; importerId: string | null; isGlobal: boolean }[]> =>
  db
    .select({
      fleetId: exportedThings.thing_id,
      importerId: imports.project_id,
      isGlobal: exports.is_global,
    })
    .from(exportedThings)
    .innerJoin(exports, eq(exports.id, exportedThings.export_id))
    .leftJoin(imports, eq(imports.export_id, exports.id))
    .where(and(eq(exportedThings.kind, "fleet"), hasOwner));

export const listImports = (db: Db, exportIds: string[]): Promise<ImportRow[]> =>
  exportIds.length === 0
    ? Promise.resolve([])
    : db.select().from(imports).where(inArray(imports.export_id, exportIds));

export const listExportedThings = (db: Db, exportIds: string[]) =>
  exportIds.length === 0
    ? Promise.resolve([])
    : db.select().from(exportedThings).where(inArray(exportedThings.export_id, exportIds));

export const deleteImport = (db: Db, id: string): Statement => db.delete(imports).where(eq(imports.id, id));
