import { z } from "zod";
import { VolumeConfiguration } from "../config/volume.ts";
import { orNull } from "../schema/field.ts";
import { VOLUME_STATUSES } from "../states.ts";
import { listed, pageFields, Uuid, WireTime } from "./scalars.ts";

// Volumes (docs/spec/http-api.md §2.10, §3.7).

const VolumeProvisioningData = z.object({
  backend: orNull(z.string()),
  volume_id: z.string(),
  size_gb: orNull(z.number().int()),
  availability_zone: orNull(z.string()),
  price: orNull(z.number()),
  attachable: z.boolean().default(true),
  detachable: z.boolean().default(true),
  backend_data: orNull(z.string()),
});

const VolumeAttachmentData = z.object({ device_name: orNull(z.string()) });

const VolumeAttachment = z.object({
  instance: z.object({
    name: z.string(),
    fleet_name: orNull(z.string()),
    instance_num: z.number().int(),
    instance_id: orNull(z.string()),
  }),
  attachment_data: orNull(VolumeAttachmentData),
});

export const Volume = z.object({
  id: Uuid,
  name: z.string(),
  user: z.string(),
  project_name: z.string(),
  configuration: VolumeConfiguration,
  /** It was there before, under its backend's own id. */
  external: z.boolean(),
  created_at: WireTime,
  last_processed_at: WireTime,
  status: z.enum(VOLUME_STATUSES),
  status_message: orNull(z.string()),
  deleted: z.boolean(),
  deleted_at: orNull(WireTime),
  volume_id: orNull(z.string()),
  provisioning_data: orNull(VolumeProvisioningData),
  cost: z.number().default(0),
  attachments: orNull(z.array(VolumeAttachment)),
  attachment_data: orNull(VolumeAttachmentData),
});
export type Volume = z.infer<typeof Volume>;

/** `/api/volumes/list`: of all projects that the caller is in; deleted ones too, unless only active ones are asked for. */
export const ListVolumesRequest = z.object({
  project_name: orNull(z.string()),
  only_active: z.boolean().default(false),
  prev_created_at: orNull(WireTime),
  prev_id: orNull(Uuid),
  ...pageFields(100, 100),
});

export const GetVolumeRequest = z.object({ name: z.string() });
export const CreateVolumeRequest = z.object({ configuration: VolumeConfiguration });
export const DeleteVolumesRequest = z.object({ names: listed(z.string()) });
