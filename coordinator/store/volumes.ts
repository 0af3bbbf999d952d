import { and, eq, inArray, notInArray, type SQL, sql } from "drizzle-orm";
import { type VolumeStatus, volumeSources } from "../../shared/states.ts";
import { type Db, type Statement, writeAll } from "./db.ts";
import { afterPage, type Page, pageOrder } from "./page.ts";
import { volumes } from "./schema.ts";
import { unlessTaken } from "./uniqueness.ts";

export type VolumeRow = typeof volumes.$inferSelect;

// A literal, not a parameter: only then does SQLite use the partial index.
const ALIVE = sql`${volumes.deleted} = 0`;

/** `also` is part of the same transaction. */
export const insertVolume = (db: Db, row: VolumeRow, also: readonly Statement[]): Promise<unknown> =>
  unlessTaken(`Volume "${row.name}" exists already`, writeAll(db, [db.insert(volumes).values(row), ...also]));

export const listVolumesByNames = (db: Db, projectId: string, names: string[]): Promise<VolumeRow[]> =>
  db
    .select()
    .from(volumes)
    .where(and(eq(volumes.project_id, projectId), inArray(volumes.name, names), ALIVE));

export const findVolumeByName = async (
  db: Db,
  projectId: string,
  name: string,
): Promise<VolumeRow | undefined> => (await listVolumesByNames(db, projectId, [name]))[0];

export interface VolumeFilter {
  projectIds: string[];
  /** Those that were deleted too. */
  withDeleted: boolean;
  /** What the caller could not read. */
  notOfBackends: readonly string[];
}

const matching = ({ projectIds, withDeleted, notOfBackends }: VolumeFilter): SQL | undefined =>
  and(
    withDeleted ? undefined : ALIVE,
    inArray(volumes.project_id, projectIds),
    notOfBackends.length === 0
      ? undefined
      : notInArray(sql`${volumes.configuration} ->> 'backend'`, [...notOfBackends]),
  );

export const listVolumes = (db: Db, filter: VolumeFilter, page: Page): Promise<VolumeRow[]> =>
  db
    .select()
    .from(volumes)
    .where(and(matching(filter), afterPage(page, volumes.created_at, volumes.id)))
    .orderBy(...pageOrder(page, volumes.created_at, volumes.id))
    .limit(page.limit);

/** Those that nobody has looked at yet, of all projects. */
export const listNewVolumes = (db: Db): Promise<VolumeRow[]> =>
  db
    .select()
    .from(volumes)
    .where(and(eq(volumes.status, "submitted"), ALIVE));

/** Which of these projects have a volume that is not deleted? */
export const listProjectsWithVolumes = async (db: Db, projectIds: string[]): Promise<string[]> =>
  (
    await db
      .selectDistinct({ id: volumes.project_id })
      .from(volumes)
      .where(and(ALIVE, inArray(volumes.project_id, projectIds)))
  ).map((row) => row.id);

/** A legal move, or nothing. */
export const moveVolume = (
  db: Db,
  id: string,
  { to, message, at }: { to: VolumeStatus; message: string | null; at: number },
) =>
  db
    .update(volumes)
    .set({ status: to, status_message: message, last_processed_at: at })
    .where(and(eq(volumes.id, id), inArray(volumes.status, volumeSources(to)), ALIVE));

export const markVolumesDeleted = (db: Db, ids: string[], at: number) =>
  db
    .update(volumes)
    .set({ deleted: true, deleted_at: at })
    .where(and(inArray(volumes.id, ids), ALIVE));
