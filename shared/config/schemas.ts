import type { z } from "zod";
import type { JsonSchema } from "../schema/form.ts";
import { toJson } from "../schema/jsonSchema.ts";
import { AnyConfiguration } from "./configuration.ts";
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
  configuration: { title: "Any *.dstack.yml", schema: AnyConfiguration },
  task: { title: "Task", schema: TaskConfiguration },
  service: { title: "Service", schema: ServiceConfiguration },
  "dev-environment": { title: "Dev environment", schema: DevEnvironmentConfiguration },
  fleet: { title: "Fleet", schema: FleetConfiguration },
  volume: { title: "Volume", schema: VolumeConfiguration },
  gateway: { title: "Gateway", schema: GatewayConfiguration },
  preset: { title: "Preset", schema: PresetConfiguration },
  profiles: { title: "Profiles, .dstack/profiles.yml", schema: ProfilesFile },
} as const satisfies Record<string, { title: string; schema: z.ZodType }>;

export type FileKind = keyof typeof FILES;
export const FILE_KINDS = Object.keys(FILES) as readonly FileKind[];

export const isFileKind = (name: string): name is FileKind => Object.hasOwn(FILES, name);

const made = new Map<FileKind, JsonSchema>();

/** The JSON Schema (draft 7) of a file, for editors. What depends on several properties is not in it. */
export const fileSchema = (kind: FileKind): JsonSchema => {
  const known = made.get(kind);
  if (known) return known;
  const { title, schema } = FILES[kind];
  const json = { $schema: "http://json-schema.org/draft-07/schema#", ...toJson(schema), title };
  made.set(kind, json);
  return json;
};
