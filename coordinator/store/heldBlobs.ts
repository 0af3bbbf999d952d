import { and, eq, inArray } from "drizzle-orm";
import type { Db } from "./db.ts";
import { fileArchives, submissions } from "./schema.ts";

/** True when a submission that the instance holds names an archive or code of this hash: a host gets no other bytes. */
export const isHeldBlob = async (db: Db, instanceId: string, sha256: string): Promise<boolean> => {
  const held = await db
    .select({ spec: submissions.job_spec })
    .from(submissions)
    .where(and(eq(submissions.instance_id, instanceId), eq(submissions.log_complete, false)));
  if (held.some(({ spec }) => spec.repo_code_hash === sha256)) return true;
  const ids = held.flatMap(({ spec }) => spec.file_archives.map((archive) => archive.id));
  if (ids.length === 0) return false;
  const found = await db
    .select({ id: fileArchives.id })
    .from(fileArchives)
    .where(and(inArray(fileArchives.id, ids), eq(fileArchives.hash, sha256)))
    .limit(1);
  return found.length > 0;
};
