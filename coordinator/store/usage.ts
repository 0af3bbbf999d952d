import { and, desc, eq, gte, inArray, lt, notInArray } from "drizzle-orm";
import type { GpuUsage, HostUsage, JobUsage } from "../../shared/protocol/metrics.ts";
import { FINAL_JOB_STATUSES } from "../../shared/states.ts";
import type { Db, Statement } from "./db.ts";
import { preparedWrite } from "./prepared.ts";
import { hostUsage, jobUsage, submissions } from "./schema.ts";

/** One sample of a job or a host, as it was told; `at`: milliseconds since 1970, the coordinator's clock. */
export type JobPoint = Omit<typeof jobUsage.$inferSelect, "gpus"> & { gpus: GpuUsage[] };
export type HostPoint = Omit<typeof hostUsage.$inferSelect, "gpus"> & { gpus: GpuUsage[] };

type Counted = Omit<JobUsage | HostUsage, "gpus" | "submission_id">;

const common = (usage: Counted) => ({
  cpu_us: usage.cpu_us,
  memory_bytes: usage.memory_bytes,
  disk_read_bytes: usage.disk_read_bytes ?? null,
  disk_write_bytes: usage.disk_write_bytes ?? null,
  network_in_bytes: usage.network_in_bytes ?? null,
  network_out_bytes: usage.network_out_bytes ?? null,
});

export const jobPoint = (
  at: number,
  { submission_id, working_set_bytes, gpus, ...usage }: JobUsage,
): JobPoint => ({
  submission_id,
  at,
  ...common(usage),
  working_set_bytes,
  gpus,
});

export const hostPoint = (instance_id: string, at: number, { gpus, ...usage }: HostUsage): HostPoint => ({
  instance_id,
  at,
  ...common(usage),
  memory_total_bytes: usage.memory_total_bytes,
  disk_used_bytes: usage.disk_used_bytes ?? null,
  disk_total_bytes: usage.disk_total_bytes ?? null,
  gpus,
});

/** Of every GPU a row without names: an hour of a large host would be mostly names. */
const pack = (gpus: readonly GpuUsage[]): string =>
  JSON.stringify(
    gpus.map((gpu) => [
      gpu.utilization,
      gpu.memory_bytes,
      gpu.memory_total_bytes,
      gpu.temperature,
      gpu.power,
    ]),
  );

const unpack = (packed: string): GpuUsage[] =>
  (JSON.parse(packed) as (number | null)[][]).map(
    ([utilization, memory_bytes, memory_total_bytes, temperature, power]) => ({
      utilization,
      memory_bytes,
      memory_total_bytes,
      temperature,
      power,
    }),
  );

const packed = <P extends { gpus: GpuUsage[] }>(point: P) => ({ ...point, gpus: pack(point.gpus) });
const unpacked = <R extends { gpus: string }>(row: R) => ({ ...row, gpus: unpack(row.gpus) });

const insertJobPoint = preparedWrite((db, row: typeof jobUsage.$inferInsert) =>
  db.insert(jobUsage).values(row).onConflictDoNothing(),
);
const insertHostPoint = preparedWrite((db, row: typeof hostUsage.$inferInsert) =>
  db.insert(hostUsage).values(row).onConflictDoNothing(),
);

/** A sample that comes twice is stored once. */
export const insertPoints = (
  db: Db,
  { jobs, hosts }: { jobs: readonly JobPoint[]; hosts: readonly HostPoint[] },
): Statement[] => [
  ...jobs.map((point) => insertJobPoint(db, packed(point))),
  ...hosts.map((point) => insertHostPoint(db, packed(point))),
];

export interface PointFilter {
  /** Inclusive, milliseconds since 1970. */
  after?: number | undefined;
  /** Exclusive. */
  before?: number | undefined;
  limit?: number | undefined;
}

/** Newest first. */
export const listJobPoints = async (
  db: Db,
  submissionId: string,
  { after, before, limit }: PointFilter = {},
): Promise<JobPoint[]> => {
  const rows = await db
    .select()
    .from(jobUsage)
    .where(
      and(
        eq(jobUsage.submission_id, submissionId),
        after === undefined ? undefined : gte(jobUsage.at, after),
        before === undefined ? undefined : lt(jobUsage.at, before),
      ),
    )
    .orderBy(desc(jobUsage.at))
    .limit(limit ?? -1);
  return rows.map(unpacked);
};

/** Newest first. */
export const listHostPoints = async (
  db: Db,
  instanceId: string,
  { after, before, limit }: PointFilter = {},
): Promise<HostPoint[]> => {
  const rows = await db
    .select()
    .from(hostUsage)
    .where(
      and(
        eq(hostUsage.instance_id, instanceId),
        after === undefined ? undefined : gte(hostUsage.at, after),
        before === undefined ? undefined : lt(hostUsage.at, before),
      ),
    )
    .orderBy(desc(hostUsage.at))
    .limit(limit ?? -1);
  return rows.map(unpacked);
};

/** What nobody may ask for any more: of jobs that run, and of hosts, before `live`; of all others before `ended`. */
export const deletePoints = (db: Db, before: { live: number; ended: number }): Statement[] => {
  const running = db
    .select({ id: submissions.id })
    .from(submissions)
    .where(notInArray(submissions.status, FINAL_JOB_STATUSES));
  return [
    db.delete(jobUsage).where(and(inArray(jobUsage.submission_id, running), lt(jobUsage.at, before.live))),
    db.delete(jobUsage).where(lt(jobUsage.at, before.ended)),
    db.delete(hostUsage).where(lt(hostUsage.at, before.live)),
  ];
};
