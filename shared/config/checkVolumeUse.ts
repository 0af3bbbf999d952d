import { Refusal } from "../schema/refusal.ts";
import type { RunConfiguration } from "./configuration.ts";
import { interpolate } from "./interpolate.ts";
import type { Note } from "./problems.ts";

/** Where an active volume is. */
export interface VolumePlace {
  backend: string;
  region: string;
}

const placeKey = ({ backend, region }: VolumePlace): string => `${backend}/${region}`;

/**
 * The network volumes of one node: each must be there, none stand twice, and those of all mount points be in the same
 * places, or there is none where the job could run (docs/spec/configuration.md §7).
 */
export const checkVolumeUse = (
  { volumes }: RunConfiguration,
  { node, find }: { node: number; find: (name: string) => VolumePlace | undefined },
  note: Note,
) => {
  const path = ["volumes"];
  const vars = { dstack: { node_rank: String(node), job_num: String(node) } };
  const mounts = volumes.flatMap((mount) => ("name" in mount ? [[mount.name].flat()] : []));
  const fill = (name: string): string[] => {
    try {
      return [interpolate(name, vars)];
    } catch (err) {
      if (!(err instanceof Refusal)) throw err;
      for (const { kind, message } of err.findings) note(kind, path, message);
      return [];
    }
  };
  const named = mounts.map((names) => names.flatMap(fill));
  const names = named.flat();
  const missing = names.filter((name) => !find(name));
  if (missing.length > 0) return note("not_found", path, `Volume ${missing.join(", ")} not found`);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) note("invalid_value", path, `The volume ${twice} is mounted twice`);
  const places = named.map((alternatives) => {
    const found = alternatives.flatMap((name) => find(name) ?? []);
    return [...new Set(found.map(placeKey))].sort().join(", ");
  });
  if (new Set(places).size > 1) {
    note("invalid_value", path, `The mounts are in different places: ${[...new Set(places)].join(" and ")}`);
  }
};
