import type { Volume } from "../../../shared/api/volumes.ts";
import { checkVolume } from "../../../shared/config/checkVolume.ts";
import type { VolumeConfiguration } from "../../../shared/config/volume.ts";
import { AppError } from "../../../shared/errors.ts";
import type { Deps } from "../../deps.ts";
import { writeAll } from "../../store/db.ts";
import {
  findVolumeByName,
  insertVolume,
  listVolumesByNames,
  markVolumesDeleted,
  type VolumeRow,
} from "../../store/volumes.ts";
import { checkConfigured } from "../backends/checkConfigured.ts";
import { requireCloudType } from "../backends/clouds.ts";
import { volumeCreated, volumeDeleted } from "../events/cloudResourceEvents.ts";
import type { Caller } from "../runs/checkSpec.ts";
import { newName } from "../runs/runNames.ts";
import { viewVolume } from "./volumeView.ts";

export const getVolumeByName = async (
  { db }: Pick<Deps, "db">,
  projectId: string,
  name: string,
): Promise<VolumeRow> => {
  const volume = await findVolumeByName(db, projectId, name);
  if (!volume) throw new AppError("not_found", "Resource not found");
  return volume;
};

/** Stores what is wanted; whether it can be made is seen afterwards (engine/cloudResourceKeeper.ts). */
export const createVolume = async (
  deps: Deps,
  { user, project }: Caller,
  configuration: VolumeConfiguration,
): Promise<Volume> => {
  checkConfigured(configuration, checkVolume);
  const isTaken = (name: string) => findVolumeByName(deps.db, project.id, name);
  if (configuration.name !== null && (await isTaken(configuration.name)))
    throw new AppError("exists", `Volume "${configuration.name}" exists already`);
  requireCloudType(deps.clouds, configuration.backend);
  const name = configuration.name ?? (await newName(isTaken));
  const now = deps.clock.now();
  const row: VolumeRow = {
    id: crypto.randomUUID(),
    project_id: project.id,
    user_id: user.id,
    name,
    configuration: { ...configuration, name },
    status: "submitted",
    status_message: null,
    created_at: now,
    last_processed_at: now,
    deleted: false,
    deleted_at: null,
  };
  await insertVolume(deps.db, row, deps.tell([volumeCreated(row, user.id)]));
  deps.cloudResources.wake();
  return viewVolume(deps, project, row);
};

/** All of them; those that are not there are gone already, as with the reference. */
export const deleteVolumes = async (
  { db, tell, clock }: Pick<Deps, "db" | "tell" | "clock">,
  projectId: string,
  { names, actorId }: { names: string[]; actorId: string },
): Promise<void> => {
  const rows = names.length === 0 ? [] : await listVolumesByNames(db, projectId, names);
  if (rows.length === 0) return;
  const ids = rows.map((row) => row.id);
  await writeAll(db, [
    markVolumesDeleted(db, ids, clock.now()),
    ...tell(rows.map((row) => volumeDeleted(row, actorId))),
  ]);
};
