import type { z } from "zod";
import type { JsonSchema } from "../schema/form.ts";
import { toJson } from "../schema/jsonSchema.ts";
import { DevEnvironmentConfiguration } from "./devEnvironment.ts";
import { FleetConfiguration } from "./fleet.ts";
import { GatewayConfiguration } from "./gateway.ts";
import { PresetConfiguration } from "./preset.ts";
import { ProfilesFile } from "./profiles.ts";
import { ServiceConfiguration } from "./service.ts";
import { TaskConfiguration } from "./task.ts";
import { VolumeConfiguration } from "./volume.ts";

/** What may be in a file, by the name of its JSON Schema. */
const FILES = {
  task: { title: "Task", schema: TaskConfiguration },
  service: { title: "Service", schema: ServiceConfiguration },
  "dev-environment": { title: "Dev environment", schema: DevEnvironmentConfiguration },
  fleet: { title: "Fleet", schema: FleetConfiguration },
  volume: { title: "Volume", schema: VolumeConfiguration },
  gateway: { title: "Gateway", schema: GatewayConfiguration },
  preset: { title: "Preset", schema: PresetConfiguration },
  profiles: { title: "Profiles, .dstack/profiles.yml", schema: ProfilesFile },
} as const satisfies Record<string, { title: string; schema: z.ZodType }>;

/** Whatever a `*.dstack.yml` may hold. */
const ANY = "configuration";

type Single = keyof typeof FILES;
export type FileKind = Single | typeof ANY;
const SINGLE = Object.keys(FILES) as readonly Single[];
export const FILE_KINDS: readonly FileKind[] = [ANY, ...SINGLE];

export const isFileKind = (name: string): name is FileKind => name === ANY || Object.hasOwn(FILES, name);

/** The one for any file refers to its neighbours. */
const make = (kind: FileKind): JsonSchema => {
  if (kind !== ANY) return { ...toJson(FILES[kind].schema), title: FILES[kind].title };
  const others = SINGLE.filter((single) => single !== "profiles");
  return { title: "Any *.dstack.yml", anyOf: others.map((single) => ({ $ref: `${single}.json` })) };
};

const made = new Map<FileKind, JsonSchema>();

/** The JSON Schema (draft 7) of a file, for editors. What depends on several properties is not in it. */
export const fileSchema = (kind: FileKind): JsonSchema => {
  const known = made.get(kind);
  if (known) return known;
  const json = { $schema: "http://json-schema.org/draft-07/schema#", ...make(kind) };
  made.set(kind, json);
  return json;
};
