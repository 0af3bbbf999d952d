import { z } from "zod";
import { parseIdleDuration } from "../resources/duration.ts";
import { parseMemory } from "../resources/memory.ts";
import { field, object, optionalField } from "../schema/field.ts";
import { parseBoolean, parseText } from "../schema/scalar.ts";
import { tagged } from "../schema/union.ts";
import { parseTags } from "./tags.ts";

const common = {
  type: z.literal("volume"),
  name: optionalField(parseText),
  auto_cleanup_duration: optionalField(parseIdleDuration),
  tags: optionalField(parseTags),
};
const sized = { ...common, size: optionalField(parseMemory) };
const region = field(parseText);
const volume_id = optionalField(parseText);
const availability_zone = optionalField(parseText);

/** docs/spec/configuration.md §6, with the backends of later releases (docs/spec/changes-0.22.md §2.2). */
export const VolumeConfiguration = tagged("backend", {
  aws: object({ ...sized, backend: z.literal("aws"), region, availability_zone, volume_id }),
  gcp: object({ ...sized, backend: z.literal("gcp"), region, availability_zone, volume_id }),
  runpod: object({ ...sized, backend: z.literal("runpod"), region, availability_zone, volume_id }).transform(
    // Accepted for the sake of older files, but there is no such thing at this backend.
    ({ availability_zone: _dropped, ...volume }) => volume,
  ),
  kubernetes: object({
    ...sized,
    backend: z.literal("kubernetes"),
    region: field(parseText).default(""),
    claim_name: optionalField(parseText),
    storage_class_name: optionalField(parseText),
    access_modes: z.array(field(parseText)).default(() => ["ReadWriteOnce"]),
    read_only: field(parseBoolean).default(false),
  }),
  daytona: object({ ...common, backend: z.literal("daytona"), volume_id }),
  lium: object({ ...common, backend: z.literal("lium"), volume_id }),
});
export type VolumeConfiguration = z.infer<typeof VolumeConfiguration>;
