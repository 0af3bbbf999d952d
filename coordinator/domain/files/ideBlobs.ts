import { type IdeServer, ideServerOf } from "../../../shared/config/ideServers.ts";
import type { IdeArchives } from "../../blobs/ideArchives.ts";
import type { Db } from "../../store/db.ts";
import type { InstanceRow } from "../../store/instances.ts";
import { findRun, type RunRow } from "../../store/runs.ts";
import { listHeldSubmissions } from "../../store/submissions.ts";

export const ideServerOfRun = ({ spec: { configuration } }: Pick<RunRow, "spec">): IdeServer | undefined =>
  configuration.type === "dev-environment" ? ideServerOf(configuration) : undefined;

/** True when a dev environment that the instance holds asks for the editor's server of this hash. */
export const isHeldIdeBlob = async (
  { db, ideArchives }: { db: Db; ideArchives: IdeArchives },
  instance: InstanceRow,
  sha256: string,
): Promise<boolean> => {
  for (const { run_id: runId } of await listHeldSubmissions(db, instance.id)) {
    const run = await findRun(db, runId);
    const server = run && ideServerOfRun(run);
    if (server && (await ideArchives.find(server, instance.inventory.arch)) === sha256) return true;
  }
  return false;
};
