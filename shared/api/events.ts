import { z } from "zod";
import { orNull } from "../schema/field.ts";
import { Uuid, WireTime } from "./scalars.ts";

// Events (docs/spec/http-api.md §2.12, §3.9).

/** What an event may tell of; the last two came with 0.21.3. */
const EVENT_TARGET_TYPES = [
  "project",
  "user",
  "fleet",
  "instance",
  "run",
  "job",
  "volume",
  "gateway",
  "secret",
  "gateway-replica",
  "preset",
] as const;
export type EventTargetType = (typeof EVENT_TARGET_TYPES)[number];

/** `name` is the one it had then. */
export const EventTarget = z.object({
  type: z.string(),
  id: Uuid,
  name: z.string(),
  project_id: orNull(Uuid),
  project_name: orNull(z.string()),
  is_project_deleted: orNull(z.boolean()),
});
export type EventTarget = z.infer<typeof EventTarget>;

/** Without an actor it was the system's doing. The message is one line, without a dot at its end. */
export const Event = z.object({
  id: Uuid,
  message: z.string(),
  recorded_at: WireTime,
  actor_user_id: orNull(Uuid),
  actor_user: orNull(z.string()),
  is_actor_user_deleted: orNull(z.boolean()),
  targets: z.array(EventTarget),
});
export type Event = z.infer<typeof Event>;

/** Most values of one filter. */
const MOST = 16;

const ids = () => orNull(z.array(Uuid).min(1).max(MOST));

const TARGETS = {
  target_projects: ids(),
  target_users: ids(),
  target_fleets: ids(),
  target_instances: ids(),
  target_runs: ids(),
  target_jobs: ids(),
  target_volumes: ids(),
  target_gateways: ids(),
  target_gateway_replicas: ids(),
  target_secrets: ids(),
  target_presets: ids(),
};
const WITHIN = { within_projects: ids(), within_fleets: ids(), within_runs: ids(), within_gateways: ids() };

const atMostOne = (request: Record<string, unknown>, keys: readonly string[]): boolean =>
  keys.filter((key) => request[key] !== null).length <= 1;

/** `/api/events/list`; what is asked for has to be true all at once. */
export const ListEventsRequest = z
  .object({
    ...TARGETS,
    ...WITHIN,
    include_target_types: orNull(z.array(z.enum(EVENT_TARGET_TYPES)).min(1).max(MOST)),
    /** Null among them: the system. */
    actors: orNull(z.array(Uuid.nullable()).min(1).max(MOST)),
    prev_recorded_at: orNull(WireTime),
    prev_id: orNull(Uuid),
    limit: z.number().int().min(1).max(100).default(100),
    ascending: z.boolean().default(false),
  })
  .refine((request) => atMostOne(request, Object.keys(TARGETS)), {
    error: "At most one target_* filter may be given",
  })
  .refine((request) => atMostOne(request, Object.keys(WITHIN)), {
    error: "At most one within_* filter may be given",
  });
export type ListEventsRequest = z.infer<typeof ListEventsRequest>;
