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
const about = {
  type: "`volume`",
  name: "The volume's name: 2 to 41 of a-z, 0-9 and -, beginning with a letter. Unset, one is made up.",
  auto_cleanup_duration: "Deletes the volume when no job has used it for so long. Unset or `off`: never.",
  tags: "Names and values for the volume.",
  size: "The size of a new volume.",
  backend: "Where it is.",
  region: "The region it is in.",
  availability_zone: "The zone it is in.",
  volume_id: "A volume that exists already, by the backend's id.",
};
const aboutKubernetes = {
  claim_name: "A claim that exists already.",
  storage_class_name: "The storage class of a new claim.",
  access_modes: "The access modes of the claim.",
  read_only: "Whether it is mounted for reading only.",
};
const region = field(parseText);
const volume_id = optionalField(parseText);
const availability_zone = optionalField(parseText);

/** docs/spec/configuration.md §6, with the backends of later releases (docs/spec/changes-0.22.md §2.2). */
export const VolumeConfiguration = tagged("backend", {
  aws: object({ ...sized, backend: z.literal("aws"), region, availability_zone, volume_id }, { about }),
  gcp: object({ ...sized, backend: z.literal("gcp"), region, availability_zone, volume_id }, { about }),
  runpod: object(
    { ...sized, backend: z.literal("runpod"), region, availability_zone, volume_id },
    { about },
  ).transform(
    // Accepted for the sake of older files, but there is no such thing at this backend.
    ({ availability_zone: _dropped, ...volume }) => volume,
  ),
  kubernetes: object(
    {
      ...sized,
      backend: z.literal("kubernetes"),
      region: field(parseText).default(""),
      claim_name: optionalField(parseText),
      storage_class_name: optionalField(parseText),
      access_modes: z.array(field(parseText)).default(() => ["ReadWriteOnce"]),
      read_only: field(parseBoolean).default(false),
    },
    { about: { ...about, ...aboutKubernetes } },
  ),
  daytona: object({ ...common, backend: z.literal("daytona"), volume_id }, { about }),
  lium: object({ ...common, backend: z.literal("lium"), volume_id }, { about }),
});
export type VolumeConfiguration = z.infer<typeof VolumeConfiguration>;
