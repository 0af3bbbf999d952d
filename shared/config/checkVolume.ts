import type { Note } from "./problems.ts";
import type { VolumeConfiguration } from "./volume.ts";

/** The volume exists already, under this id. */
export const externalId = (volume: VolumeConfiguration): string | null =>
  volume.backend === "kubernetes" ? volume.claim_name : volume.volume_id;

/** What the server refuses of a volume for the configuration's own sake (docs/spec/configuration.md §6). */
export const checkVolume = (volume: VolumeConfiguration, note: Note): void => {
  const id = externalId(volume);
  if ("size" in volume && volume.size === null && id === null) {
    const key = volume.backend === "kubernetes" ? "claim_name" : "volume_id";
    note("missing", ["size"], `Give the size of a new volume, or ${key} of one that exists`);
  }
  if (id !== null && (volume.auto_cleanup_duration ?? -1) > 0) {
    note("conflict", ["auto_cleanup_duration"], "A volume that was there before is not cleaned up");
  }
};
