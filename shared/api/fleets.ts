import { z } from "zod";
import { FleetConfiguration } from "../config/fleet.ts";
import { Profile } from "../config/profile.ts";
import { GpuDriverInfo, InstanceOfferWithAvailability, InstanceType } from "../resources/offered.ts";
import { orNull } from "../schema/field.ts";
import { FLEET_STATUSES, INSTANCE_STATUSES } from "../states.ts";
import { LabelChange, Labels } from "./labels.ts";
import { listed, pageFields, Uuid, WireTime } from "./scalars.ts";

// Fleets and instances (docs/spec/http-api.md §2.9, §3.6).

export const FleetSpec = z.object({
  configuration: FleetConfiguration,
  configuration_path: orNull(z.string()),
  profile: Profile,
  autocreated: z.boolean().default(false),
});
export type FleetSpec = z.infer<typeof FleetSpec>;

/** Ours: an instance that gets no new jobs by a user's wish. */
export const Cordon = z.object({
  /** Milliseconds since 1970. */
  at: z.number().int(),
  by: z.string(),
  /** Empty: none was given. */
  reason: z.string(),
});
export type Cordon = z.infer<typeof Cordon>;

/** Ours: a host that is to leave its fleet, by a user's wish, once it can be told so. */
export const Leaving = z.object({
  /** Milliseconds since 1970. */
  at: z.number().int(),
  by: z.string(),
  /** Its jobs are killed; it waits for them otherwise. */
  force: z.boolean(),
});
export type Leaving = z.infer<typeof Leaving>;

export const HealthStatus = z.enum(["healthy", "warning", "failure"]);
export type HealthStatus = z.infer<typeof HealthStatus>;

/** Where a host of an SSH fleet is on its way in; `done`: it is. */
export const SshStep = z.enum([
  "waiting",
  "connecting",
  "looking",
  "sending",
  "installing",
  "starting",
  "done",
]);
export type SshStep = z.infer<typeof SshStep>;

/** As whom the agent was installed: as root in one way or another, or for the user alone. */
export const SshRights = z.enum(["root", "sudo", "sudo with a password", "user"]);
export type SshRights = z.infer<typeof SshRights>;

/** Ours: how a host of an SSH fleet was, or is being, brought in. */
const SshState = z.object({
  hostname: z.string(),
  port: z.number().int(),
  user: z.string(),
  /** `user@host:port` of the host that is gone through. */
  proxy_jump: orNull(z.string()),
  /** `SHA256:…` of the host's key, as `ssh-keygen -l` shows it; null: not connected to yet. */
  host_key: orNull(z.string()),
  step: SshStep,
  attempts: z.number().int(),
  /** Why the last try failed, and what to do. */
  error: orNull(z.string()),
  rights: orNull(SshRights),
  /** It cannot reach the coordinator, which keeps its key and holds a login for it. */
  carried: z.boolean().default(false),
  /** Its key is kept by somebody's wish, for installing it anew. */
  keeps_key: z.boolean().default(false),
});

export const Instance = z.object({
  id: Uuid,
  project_name: z.string(),
  backend: orNull(z.string()),
  instance_type: orNull(InstanceType),
  name: z.string(),
  fleet_id: orNull(Uuid),
  fleet_name: orNull(z.string()),
  instance_num: z.number().int(),
  job_name: orNull(z.string()),
  hostname: orNull(z.string()),
  status: z.enum(INSTANCE_STATUSES),
  unreachable: z.boolean().default(false),
  health_status: HealthStatus.default("healthy"),
  /** Of ours: why it is not healthy, device by device. */
  health_message: orNull(z.string()),
  termination_reason: orNull(z.string()),
  termination_reason_message: orNull(z.string()),
  created: WireTime,
  finished_at: orNull(WireTime),
  region: orNull(z.string()),
  availability_zone: orNull(z.string()),
  price: orNull(z.number()),
  total_blocks: orNull(z.number().int()),
  busy_blocks: z.number().int().default(0),
  gpu_driver: orNull(GpuDriverInfo),
  /** Ours. Set: no new job goes there, and why, in words that follow its name. */
  closed: orNull(z.string()),
  /** Ours; null: it is not of an SSH fleet. */
  ssh: orNull(SshState),
  /** Ours. Set: since when nothing was heard of it; it is `unreachable`. */
  unreachable_since: orNull(WireTime),
  /** Ours: of the token that it joined with. Absent: it has none. */
  labels: Labels.optional(),
  /** Ours: of the agent that runs there. */
  agent_version: orNull(z.string()),
  /** Ours: `ready`, `working`, `failed` and others (shared/protocol/sync.ts); null: its agent does not say. */
  agent_upgrade: orNull(
    z.object({ state: z.string(), version: orNull(z.string()), message: orNull(z.string()) }),
  ),
});
export type Instance = z.infer<typeof Instance>;

/** What is known against an instance, of one of its devices mostly. */
export const HealthEvent = z.object({ status: HealthStatus, message: z.string() });
export type HealthEvent = z.infer<typeof HealthEvent>;

/** Newest first. There is one whenever something has changed; the reference has one a minute. */
export const HealthChecks = z.object({
  health_checks: z.array(
    z.object({
      collected_at: WireTime,
      status: HealthStatus,
      events: z.array(z.object({ timestamp: WireTime, ...HealthEvent.shape })),
    }),
  ),
});
export type HealthChecks = z.infer<typeof HealthChecks>;

/** Instances are those alive, by `instance_num`. */
export const Fleet = z.object({
  id: Uuid,
  name: z.string(),
  project_name: z.string(),
  spec: FleetSpec,
  created_at: WireTime,
  status: z.enum(FLEET_STATUSES),
  status_message: orNull(z.string()),
  instances: z.array(Instance),
});
export type Fleet = z.infer<typeof Fleet>;

/** `spec` is echoed as it came, for clients send it again. */
export const FleetPlan = z.object({
  project_name: z.string(),
  user: z.string(),
  spec: FleetSpec,
  effective_spec: orNull(FleetSpec),
  current_resource: orNull(Fleet),
  /** What the fleet could be made of, the cheapest first; at most 50. */
  offers: z.array(InstanceOfferWithAvailability),
  total_offers: z.number().int(),
  max_offer_price: orNull(z.number()),
  action: orNull(z.enum(["create", "update"])),
  /** Ours: why there are no offers, and what can be done, for people. */
  no_offers_reason: orNull(z.string()),
});
export type FleetPlan = z.infer<typeof FleetPlan>;

// Requests

export const GetFleetPlanRequest = z.object({ spec: FleetSpec });
export type GetFleetPlanRequest = z.infer<typeof GetFleetPlanRequest>;

/** `current_resource`: the fleet that the plan was made for; not compared when `force` is set. */
export const ApplyFleetPlanRequest = z.object({
  plan: z.object({ spec: FleetSpec, current_resource: orNull(Fleet) }),
  force: z.boolean().default(false),
  /** Ours: for `sudo` on the hosts of an SSH fleet where it asks for one; forgotten with their keys. */
  sudo_password: orNull(
    z
      .string()
      .max(1_000)
      .regex(/^[^\n\r\0]+$/),
  ),
  /** Ours: the keys of hosts that come in by it are kept, encrypted, so that they can be installed anew. */
  keep_ssh_keys: z.boolean().default(false),
});
export type ApplyFleetPlanRequest = z.infer<typeof ApplyFleetPlanRequest>;

/** `/api/fleets/list`, over all projects the caller may see. */
export const ListFleetsRequest = z.object({
  project_name: orNull(z.string()),
  only_active: z.boolean().default(false),
  include_imported: z.boolean().default(false),
  prev_created_at: orNull(WireTime),
  prev_id: orNull(Uuid),
  ...pageFields(100, 100),
});
export type ListFleetsRequest = z.infer<typeof ListFleetsRequest>;

/** `P/fleets/list`, which may come without a body. */
export const ListProjectFleetsRequest = ListFleetsRequest.pick({ include_imported: true });

/** One of the two; by id a deleted fleet is found as well. */
export const GetFleetRequest = z.object({ name: orNull(z.string()), id: orNull(Uuid) });
export type GetFleetRequest = z.infer<typeof GetFleetRequest>;

export const DeleteFleetsRequest = z.object({ names: listed(z.string()) });
export type DeleteFleetsRequest = z.infer<typeof DeleteFleetsRequest>;

export const DeleteFleetInstancesRequest = z.object({
  name: z.string(),
  instance_nums: listed(z.number().int()),
});
export type DeleteFleetInstancesRequest = z.infer<typeof DeleteFleetInstancesRequest>;

/** `/api/instances/list`, over all projects the caller may see. */
export const ListInstancesRequest = z.object({
  project_names: orNull(listed(z.string())),
  fleet_ids: orNull(listed(Uuid)),
  only_active: z.boolean().default(false),
  include_imported: z.boolean().default(false),
  prev_created_at: orNull(WireTime),
  prev_id: orNull(Uuid),
  ...pageFields(100_000, 1000),
});
export type ListInstancesRequest = z.infer<typeof ListInstancesRequest>;

/** `/instances/cordon` and `/instances/uncordon` of a project; ours. The instance as it is then is answered. */
export const CordonRequest = z.object({ name: z.string(), reason: z.string().max(200).default("") });
export type CordonRequest = z.infer<typeof CordonRequest>;
/**
 * Ours. `uninstall`: its host is told to remove the agent and all that it has made; the instance is there until it has.
 * `force`: its jobs are killed, or taken for lost; refused while it has one otherwise.
 */
export const RemoveInstanceRequest = z.object({
  name: z.string(),
  force: z.boolean().default(false),
  uninstall: z.boolean().default(false),
});
export type RemoveInstanceRequest = z.infer<typeof RemoveInstanceRequest>;

/** Ours. Other labels of the instance stay; the instance as it is then is answered. */
export const LabelInstanceRequest = z.object({ name: z.string(), labels: LabelChange });
export type LabelInstanceRequest = z.infer<typeof LabelInstanceRequest>;

/**
 * Ours: a host of an SSH fleet whose key was kept is logged in to once more and gets its agent anew, under the same name.
 * `force`: its jobs are taken for lost; refused while it has one otherwise.
 */
export const ReinstallInstanceRequest = z.object({
  name: z.string(),
  force: z.boolean().default(false),
  sudo_password: ApplyFleetPlanRequest.shape.sudo_password,
});
export type ReinstallInstanceRequest = z.infer<typeof ReinstallInstanceRequest>;

export const UncordonRequest = z.object({ name: z.string() });
export type UncordonRequest = z.infer<typeof UncordonRequest>;

/** `/instances/get_instance_health_checks` of a project; a number may be that of an instance that is gone. */
export const GetHealthChecksRequest = z.object({
  fleet_name: z.string(),
  instance_num: z.number().int(),
  /** Both exclusive. */
  after: orNull(WireTime),
  before: orNull(WireTime),
  limit: orNull(z.number().int().min(0)),
});
export type GetHealthChecksRequest = z.infer<typeof GetHealthChecksRequest>;

export const GetInstanceRequest = z.object({ id: Uuid });
export type GetInstanceRequest = z.infer<typeof GetInstanceRequest>;
