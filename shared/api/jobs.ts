import { z } from "zod";
import { GpuDriverInfo, InstanceOfferWithAvailability, InstanceType } from "../resources/offered.ts";
import { Requirements } from "../resources/requirements.ts";
import { orNull } from "../schema/field.ts";
import { JOB_STATUSES } from "../states.ts";
import { RepoData } from "./repos.ts";
import { Uuid, Uuid4, WireTime } from "./scalars.ts";

// The models of one job (docs/spec/http-api.md §3.5). Those of a run: runs.ts.

export const FileArchiveMapping = z.object({ id: Uuid, path: z.string() });
export type FileArchiveMapping = z.infer<typeof FileArchiveMapping>;

/** A port of the job that clients forward. */
export const AppSpec = z.object({
  port: z.number().int(),
  map_to_port: orNull(z.number().int()),
  app_name: z.string(),
  url_path: orNull(z.string()),
  url_query_params: orNull(z.record(z.string(), z.string())),
});
export type AppSpec = z.infer<typeof AppSpec>;

export const MountPoint = z.union([
  z.object({ name: z.union([z.string(), z.array(z.string())]), path: z.string() }),
  z.object({ instance_path: z.string(), path: z.string(), optional: z.boolean().default(false) }),
]);
export type MountPoint = z.infer<typeof MountPoint>;

export const ProbeSpec = z.object({
  type: z.literal("http"),
  url: z.string(),
  method: z.string().default("get"),
  headers: z.array(z.object({ name: z.string(), value: z.string() })).default([]),
  body: orNull(z.string()),
  timeout: z.number().int(),
  interval: z.number().int(),
  ready_after: z.number().int(),
  until_ready: z.boolean().default(false),
});
export type ProbeSpec = z.infer<typeof ProbeSpec>;

export const JobRetry = z.object({
  on_events: z.array(z.enum(["no-capacity", "interruption", "error"])),
  duration: z.number().int(),
});
export type JobRetry = z.infer<typeof JobRetry>;

export const JobSpec = z.object({
  replica_num: z.number().int().default(0),
  job_num: z.number().int(),
  job_name: z.string(),
  jobs_per_replica: z.number().int().default(1),
  replica_group: z.string().default("0"),
  app_specs: z.array(AppSpec).default([]),
  user: orNull(
    z.object({
      uid: orNull(z.number().int()),
      gid: orNull(z.number().int()),
      username: orNull(z.string()),
      groupname: orNull(z.string()),
    }),
  ),
  commands: z.array(z.string()),
  env: z.record(z.string(), z.string()),
  home_dir: orNull(z.string()),
  image_name: z.string(),
  privileged: z.boolean().default(false),
  single_branch: orNull(z.boolean()),
  max_duration: orNull(z.number().int()),
  stop_duration: orNull(z.number().int()),
  utilization_policy: orNull(
    z.object({ min_gpu_utilization: z.number().int(), time_window: z.number().int() }),
  ),
  registry_auth: orNull(z.object({ username: z.string(), password: z.string() })),
  requirements: Requirements,
  retry: orNull(JobRetry),
  volumes: orNull(z.array(MountPoint)),
  /** Between the nodes of a replica; never shown. */
  ssh_key: orNull(z.object({ private: orNull(z.string()), public: z.string() })),
  working_dir: orNull(z.string()),
  repo_data: orNull(RepoData),
  repo_code_hash: orNull(z.string()),
  repo_dir: z.string().default("/workflow"),
  repo_exists_action: orNull(z.enum(["error", "skip"])),
  file_archives: z.array(FileArchiveMapping).default([]),
  service_port: orNull(z.number().int()),
  probes: z.array(ProbeSpec).default([]),
  node_group_index: z.number().int().default(0),
  node_group_name: z.string().default("0"),
  node_group_job_index: z.number().int().default(0),
});
export type JobSpec = z.infer<typeof JobSpec>;

/** Where a job was placed. */
export const JobProvisioningData = z.object({
  backend: z.string(),
  base_backend: orNull(z.string()),
  instance_type: InstanceType,
  instance_id: z.string(),
  hostname: orNull(z.string()),
  internal_ip: orNull(z.string()),
  public_ip_enabled: z.boolean().default(true),
  instance_network: orNull(z.string()),
  region: z.string(),
  availability_zone: orNull(z.string()),
  reservation: orNull(z.string()),
  price: z.number(),
  username: z.string(),
  ssh_port: orNull(z.number().int()),
  dockerized: z.boolean(),
  ssh_proxy: orNull(z.object({ hostname: z.string(), username: z.string(), port: z.number().int() })),
  backend_data: orNull(z.string()),
  gpu_driver: orNull(GpuDriverInfo),
});
export type JobProvisioningData = z.infer<typeof JobProvisioningData>;

/** What the host found out while it ran the job. */
export const JobRuntimeData = z.object({
  network_mode: z.enum(["host", "bridge"]),
  gpu: orNull(z.number().int()),
  cpu: orNull(z.number()),
  memory: orNull(z.number()),
  ports: orNull(z.record(z.string(), z.number().int())),
  volume_names: orNull(z.array(z.string())),
  offer: orNull(InstanceOfferWithAvailability),
  working_dir: orNull(z.string()),
  username: orNull(z.string()),
});
export type JobRuntimeData = z.infer<typeof JobRuntimeData>;

export const ImagePullProgress = z.object({
  downloaded_bytes: z.number().int(),
  extracted_bytes: z.number().int(),
  total_bytes: z.number().int(),
  is_total_bytes_final: z.boolean(),
  /** Ours: the reference tells bytes alone. */
  layers_total: z.number().int().nullish(),
  layers_done: z.number().int().nullish(),
  bytes_per_second: z.number().int().nullish(),
});
export type ImagePullProgress = z.infer<typeof ImagePullProgress>;

/** One attempt at a job. */
export const JobSubmission = z.object({
  id: Uuid4,
  submission_num: z.number().int(),
  deployment_num: z.number().int().default(0),
  submitted_at: WireTime,
  last_processed_at: WireTime,
  finished_at: orNull(WireTime),
  inactivity_secs: orNull(z.number().int()),
  status: z.enum(JOB_STATUSES),
  status_message: z.string().default(""),
  termination_reason: orNull(z.string()),
  termination_reason_message: orNull(z.string()),
  exit_status: orNull(z.number().int()),
  job_provisioning_data: orNull(JobProvisioningData),
  job_runtime_data: orNull(JobRuntimeData),
  error: orNull(z.string()),
  probes: z.array(z.object({ success_streak: z.number().int() })).default([]),
  image_pull_progress: orNull(ImagePullProgress),
});
export type JobSubmission = z.infer<typeof JobSubmission>;

/** How people reach a running job; only `runs/get` tells. */
export const JobConnectionInfo = z.object({
  ide_name: orNull(z.string()),
  attached_ide_url: orNull(z.string()),
  proxied_ide_url: orNull(z.string()),
  attached_ssh_command: orNull(z.array(z.string())),
  proxied_ssh_command: orNull(z.array(z.string())),
  sshproxy_hostname: orNull(z.string()),
  sshproxy_port: orNull(z.number().int()),
  sshproxy_upstream_id: orNull(z.string()),
});
export type JobConnectionInfo = z.infer<typeof JobConnectionInfo>;

/** Submissions are in order of age, the oldest first. */
export const Job = z.object({
  job_spec: JobSpec,
  job_submissions: z.array(JobSubmission),
  job_connection_info: orNull(JobConnectionInfo),
});
export type Job = z.infer<typeof Job>;
