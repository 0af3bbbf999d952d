/**
 * States, reasons and legal moves of runs, jobs and instances (docs/spec/lifecycle.md §1). The SQL guards,
 * the tests and the diagrams derive from these tables; nothing else decides whether a move is legal.
 */
export const RUN_STATUSES = [
  "pending",
  "submitted",
  "provisioning",
  "running",
  "terminating",
  "terminated",
  "failed",
  "done",
] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];

export const JOB_STATUSES = [
  "submitted",
  "provisioning",
  "pulling",
  "running",
  "terminating",
  "terminated",
  "aborted",
  "failed",
  "done",
] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];

export const INSTANCE_STATUSES = [
  "pending",
  "provisioning",
  "idle",
  "busy",
  "terminating",
  "terminated",
] as const;
export type InstanceStatus = (typeof INSTANCE_STATUSES)[number];

export const FLEET_STATUSES = ["submitted", "active", "terminating", "terminated", "failed"] as const;
export type FleetStatus = (typeof FLEET_STATUSES)[number];

export const VOLUME_STATUSES = ["submitted", "provisioning", "active", "failed"] as const;
export type VolumeStatus = (typeof VOLUME_STATUSES)[number];

export const GATEWAY_STATUSES = ["submitted", "provisioning", "running", "failed"] as const;
export type GatewayStatus = (typeof GATEWAY_STATUSES)[number];

const RUN_MOVES: Record<RunStatus, readonly RunStatus[]> = {
  pending: ["submitted", "terminating"],
  submitted: ["pending", "provisioning", "running", "terminating"],
  provisioning: ["pending", "submitted", "running", "terminating"],
  running: ["pending", "submitted", "provisioning", "terminating"],
  terminating: ["pending", "terminated", "failed", "done"],
  terminated: [],
  failed: [],
  done: [],
};

const JOB_MOVES: Record<JobStatus, readonly JobStatus[]> = {
  submitted: ["provisioning", "terminating"],
  provisioning: ["pulling", "running", "terminating"],
  pulling: ["running", "terminating"],
  running: ["terminating"],
  terminating: ["terminated", "aborted", "failed", "done"],
  terminated: [],
  aborted: [],
  failed: [],
  done: [],
};

const INSTANCE_MOVES: Record<InstanceStatus, readonly InstanceStatus[]> = {
  pending: ["provisioning", "idle", "busy", "terminating", "terminated"],
  provisioning: ["idle", "busy", "terminating"],
  idle: ["busy", "terminating"],
  busy: ["idle", "terminating"],
  terminating: ["terminated"],
  terminated: [],
};

const FLEET_MOVES: Record<FleetStatus, readonly FleetStatus[]> = {
  submitted: ["active", "failed"],
  active: ["terminating"],
  terminating: ["terminated"],
  terminated: [],
  failed: [],
};

const VOLUME_MOVES: Record<VolumeStatus, readonly VolumeStatus[]> = {
  submitted: ["provisioning", "active", "failed"],
  provisioning: ["active", "failed"],
  active: [],
  failed: [],
};

const GATEWAY_MOVES: Record<GatewayStatus, readonly GatewayStatus[]> = {
  submitted: ["provisioning", "failed"],
  provisioning: ["running", "failed"],
  running: [],
  failed: [],
};

const sourcesIn = <S extends string>(moves: Record<S, readonly S[]>): ((to: S) => readonly S[]) => {
  const all = Object.keys(moves) as S[];
  const sources = new Map(all.map((to) => [to, all.filter((from) => moves[from].includes(to))]));
  return (to) => sources.get(to) ?? [];
};

/** The states from which a move to `to` is legal: the guard of every UPDATE. */
export const runSources = sourcesIn(RUN_MOVES);
export const jobSources = sourcesIn(JOB_MOVES);
export const instanceSources = sourcesIn(INSTANCE_MOVES);
export const fleetSources = sourcesIn(FLEET_MOVES);
export const volumeSources = sourcesIn(VOLUME_MOVES);
export const gatewaySources = sourcesIn(GATEWAY_MOVES);

export const isFinalRun = (status: RunStatus): boolean => RUN_MOVES[status].length === 0;
export const isFinalJob = (status: JobStatus): boolean => JOB_MOVES[status].length === 0;

export const FINAL_RUN_STATUSES = RUN_STATUSES.filter(isFinalRun);
export const FINAL_JOB_STATUSES = JOB_STATUSES.filter(isFinalJob);

/** The others; queries ask for these, since an index finds them however many have ended. */
export const LIVE_RUN_STATUSES = RUN_STATUSES.filter((status) => !isFinalRun(status));
export const LIVE_JOB_STATUSES = JOB_STATUSES.filter((status) => !isFinalJob(status));

/** Why an instance ended (docs/spec/http-api.md §3.11). */
export type InstanceReason =
  | "terminated_by_user"
  | "idle_timeout"
  | "provisioning_timeout"
  | "error"
  | "job_finished"
  | "unreachable"
  | "no_offers"
  | "master_failed"
  | "max_instances_limit"
  | "fleet_spec_mismatch"
  | "no_balance";

/** Why a submission ended, with the status it ends in (docs/spec/lifecycle.md §1.3a). */
export const JOB_REASON_STATUS = {
  failed_to_start_due_to_no_capacity: "failed",
  interrupted_by_no_capacity: "failed",
  instance_unreachable: "failed",
  instance_access_revoked: "failed",
  waiting_instance_limit_exceeded: "failed",
  waiting_runner_limit_exceeded: "failed",
  volume_error: "failed",
  gateway_error: "failed",
  container_exited_with_error: "failed",
  ports_binding_failed: "failed",
  creating_container_error: "failed",
  executor_error: "failed",
  log_quota_exceeded: "failed",
  done_by_runner: "done",
  terminated_by_user: "terminated",
  aborted_by_user: "aborted",
  terminated_by_server: "terminated",
  scaled_down: "terminated",
  inactivity_duration_exceeded: "terminated",
  terminated_due_to_utilization_policy: "terminated",
  max_duration_exceeded: "terminated",
} as const satisfies Record<string, JobStatus>;
export type JobReason = keyof typeof JOB_REASON_STATUS;

/** Why a run ended: its final status, and the reason given to jobs that are still alive (§1.3b). */
export const RUN_REASONS = {
  all_jobs_done: { status: "done", jobs: "done_by_runner" },
  job_failed: { status: "failed", jobs: "terminated_by_server" },
  retry_limit_exceeded: { status: "failed", jobs: "terminated_by_server" },
  /** Ours, and null on the wire: `max_duration` and the like have ended it as they should. */
  ended_by_policy: { status: "terminated", jobs: "terminated_by_server" },
  stopped_by_user: { status: "terminated", jobs: "terminated_by_user" },
  aborted_by_user: { status: "terminated", jobs: "aborted_by_user" },
  server_error: { status: "failed", jobs: "terminated_by_server" },
  gateway_error: { status: "failed", jobs: "terminated_by_server" },
} as const satisfies Record<string, { status: RunStatus; jobs: JobReason }>;
export type RunReason = keyof typeof RUN_REASONS;
