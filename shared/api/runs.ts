import { z } from "zod";
import { RunConfiguration } from "../config/configuration.ts";
import { Profile } from "../config/profile.ts";
import { InstanceOfferWithAvailability } from "../resources/offered.ts";
import { orNull } from "../schema/field.ts";
import { RUN_STATUSES } from "../states.ts";
import { FileArchiveMapping, Job, JobSpec, JobSubmission } from "./jobs.ts";
import { RepoData } from "./repos.ts";
import { listed, pageFields, Sha256, Uuid, Uuid4, WireTime } from "./scalars.ts";

// Runs and their plans (docs/spec/http-api.md §2.6, §3.4, §3.5).

export const RunSpec = z.object({
  run_name: orNull(z.string()),
  repo_id: orNull(z.string()),
  repo_data: orNull(RepoData),
  repo_code_hash: orNull(Sha256),
  repo_dir: orNull(z.string()),
  file_archives: listed(FileArchiveMapping).default([]),
  working_dir: orNull(z.string()),
  configuration_path: orNull(z.string()),
  configuration: RunConfiguration,
  profile: orNull(Profile),
  /** Null: the server takes the user's own key. */
  ssh_key_pub: orNull(z.string()),
});
export type RunSpec = z.infer<typeof RunSpec>;

/** Where a service answers: absolute, or a path to be joined to the server's address. */
const ServiceSpec = z.object({
  url: z.string(),
  model: orNull(z.object({ name: z.string(), base_url: z.string(), type: z.string() })),
  options: z.record(z.string(), z.unknown()).default({}),
});

export const Run = z.object({
  id: Uuid4,
  project_name: z.string(),
  user: z.string(),
  fleet: orNull(z.object({ id: Uuid4, name: z.string() })),
  submitted_at: WireTime,
  last_processed_at: WireTime,
  status: z.enum(RUN_STATUSES),
  status_message: z.string().default(""),
  termination_reason: orNull(z.string()),
  run_spec: RunSpec,
  /** By replica, then job number. */
  jobs: z.array(Job),
  /** The newest of the first job. */
  latest_job_submission: orNull(JobSubmission),
  cost: z.number().default(0),
  service: orNull(ServiceSpec),
  deployment_num: z.number().int().default(0),
  error: orNull(z.string()),
  deleted: orNull(z.boolean()),
  next_triggered_at: orNull(WireTime),
  /** Ours, of a run that waits for capacity: its place in the queue (1: it is next), and what it waits for. */
  queue: orNull(z.object({ position: z.number().int(), reason: z.string() })),
});
export type Run = z.infer<typeof Run>;

/** `total_offers` and `max_price` speak of all offers, of which `offers` is the beginning. */
export const JobPlan = z.object({
  job_spec: JobSpec,
  offers: z.array(InstanceOfferWithAvailability),
  total_offers: z.number().int(),
  max_price: orNull(z.number()),
  /** Ours: why there are no offers, for people. */
  no_offers_reason: orNull(z.string()),
});
export type JobPlan = z.infer<typeof JobPlan>;

const ApplyAction = z.enum(["create", "update"]);

/** `run_spec` is what the client sent, for it to send again; defaults stand in `effective_run_spec` only. */
export const RunPlan = z.object({
  project_name: z.string(),
  user: z.string(),
  run_spec: RunSpec,
  effective_run_spec: orNull(RunSpec),
  job_plans: z.array(JobPlan),
  current_resource: orNull(Run),
  action: ApplyAction,
});
export type RunPlan = z.infer<typeof RunPlan>;

// Requests

export const GetRunPlanRequest = z.object({
  run_spec: RunSpec,
  max_offers: orNull(z.number().int().min(1).max(10_000)),
  full_offers: z.boolean().default(false),
  unallocated_resources: z.boolean().default(false),
  for_offers_only: z.boolean().default(false),
  /** Since 0.22.5: available offers first, then the dearest. */
  reverse_offers: z.boolean().default(false),
});
export type GetRunPlanRequest = z.infer<typeof GetRunPlanRequest>;

/** Unless forced, `current_resource` must still be what the server has. */
export const ApplyRunPlanRequest = z.object({
  plan: z.object({
    run_spec: RunSpec,
    current_resource: orNull(z.object({ id: Uuid, run_spec: RunSpec })),
  }),
  force: z.boolean(),
});
export type ApplyRunPlanRequest = z.infer<typeof ApplyRunPlanRequest>;

/**
 * One of the two; by name deleted runs are not found, by id they are. Also the body of `P/runs/watch` (ours), which
 * answers newline-delimited JSON: the run as it is, then again after every change until it is final. An empty line says only that the connection lives; a client that was cut off asks again.
 */
export const GetRunRequest = z.object({ run_name: orNull(z.string()), id: orNull(Uuid) });
export type GetRunRequest = z.infer<typeof GetRunRequest>;

/** `/api/runs/list`, over all projects the caller may see. */
export const ListRunsRequest = z.object({
  project_name: orNull(z.string()),
  repo_id: orNull(z.string()),
  username: orNull(z.string()),
  only_active: z.boolean().default(false),
  include_jobs: z.boolean().default(true),
  job_submissions_limit: orNull(z.number().int().min(0).max(10)),
  prev_submitted_at: orNull(WireTime),
  prev_run_id: orNull(Uuid),
  ...pageFields(100, 100),
});
export type ListRunsRequest = z.infer<typeof ListRunsRequest>;

export const StopRunsRequest = z.object({ runs_names: listed(z.string()), abort: z.boolean() });
export type StopRunsRequest = z.infer<typeof StopRunsRequest>;

export const DeleteRunsRequest = z.object({ runs_names: listed(z.string()) });
export type DeleteRunsRequest = z.infer<typeof DeleteRunsRequest>;
