import { toWireTime } from "../../../shared/api/scalars.ts";
import type { Volume } from "../../../shared/api/volumes.ts";
import { externalId } from "../../../shared/config/checkVolume.ts";
import type { Deps } from "../../deps.ts";
import type { ProjectRow } from "../../store/projects.ts";
import { listUsersByIds } from "../../store/users.ts";
import type { VolumeRow } from "../../store/volumes.ts";

/** `projectNames`: by project id. */
export const viewVolumes = async (
  { db }: Pick<Deps, "db">,
  rows: VolumeRow[],
  projectNames: ReadonlyMap<string, string>,
): Promise<Volume[]> => {
  const users = await listUsersByIds(db, [...new Set(rows.map((row) => row.user_id))]);
  const usernames = new Map(users.map((user) => [user.id, user.username]));
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    user: usernames.get(row.user_id) ?? "",
    project_name: projectNames.get(row.project_id) ?? "",
    configuration: row.configuration,
    external: externalId(row.configuration) !== null,
    created_at: toWireTime(row.created_at),
    last_processed_at: toWireTime(row.last_processed_at),
    status: row.status,
    status_message: row.status_message,
    deleted: row.deleted,
    deleted_at: row.deleted_at === null ? null : toWireTime(row.deleted_at),
    volume_id: externalId(row.configuration),
    provisioning_data: null,
    cost: 0,
    attachments: [],
    attachment_data: null,
  }));
};

export const viewVolume = async (
  deps: Pick<Deps, "db">,
  project: ProjectRow,
  row: VolumeRow,
): Promise<Volume> => {
  const [view] = await viewVolumes(deps, [row], new Map([[project.id, project.name]]));
  if (!view) throw new Error(`Volume ${row.id} has no view`);
  return view;
};
