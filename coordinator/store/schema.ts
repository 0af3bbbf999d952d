import { sql } from "drizzle-orm";
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";
import type { Cordon, FleetSpec, HealthEvent, HealthStatus, Leaving } from "../../shared/api/fleets.ts";
import type { JobProvisioningData, JobRuntimeData, JobSpec } from "../../shared/api/jobs.ts";
import type { Labels } from "../../shared/api/labels.ts";
import type { RunSpec } from "../../shared/api/runs.ts";
import type { GatewayConfiguration } from "../../shared/config/gateway.ts";
import type { VolumeConfiguration } from "../../shared/config/volume.ts";
import type { Inventory } from "../../shared/protocol/inventory.ts";
import type { PullProgress } from "../../shared/protocol/report.ts";
import type { AgentUpgrade, Draining } from "../../shared/protocol/sync.ts";
import type { HostShare } from "../../shared/resources/blocks.ts";
import type {
  FleetStatus,
  GatewayStatus,
  InstanceReason,
  InstanceStatus,
  JobReason,
  JobStatus,
  RunReason,
  RunStatus,
  VolumeStatus,
} from "../../shared/states.ts";
import type { MadeInstance } from "./madeInstance.ts";
import type { SshInstance } from "./sshInstance.ts";
import type { ToldEvent } from "./toldEvent.ts";

// All tables but join tokens are in one file, which is long for that: they refer to each other, and whoever changes one sees them all.
// Times are milliseconds since 1970 (UTC). Ids are version-4 UUIDs, as the wire demands (docs/spec/http-api.md §1.5).

export const users = sqliteTable(
  "users",
  {
    id: text("id").primaryKey(),
    username: text("username").notNull(),
    global_role: text("global_role").$type<"admin" | "user">().notNull(),
    email: text("email"),
    active: integer("active", { mode: "boolean" }).notNull(),
    /** SHA-256 hex of the bearer token; the token itself is stored nowhere. */
    token_hash: text("token_hash").notNull(),
    /** SSH pair of the user, made on demand; the private half is sealed (store/secretBox.ts). */
    ssh_public_key: text("ssh_public_key"),
    ssh_private_key_sealed: text("ssh_private_key_sealed"),
    created_at: integer("created_at").notNull(),
    deleted: integer("deleted", { mode: "boolean" }).notNull().default(false),
  },
  (t) => [
    uniqueIndex("users_token_hash").on(t.token_hash),
    uniqueIndex("users_username").on(sql`lower(username)`).where(sql`deleted = 0`),
  ],
);

export const projects = sqliteTable(
  "projects",
  {
    id: text("id").primaryKey(),
    name: text("name").notNull(),
    owner_id: text("owner_id").notNull(),
    is_public: integer("is_public", { mode: "boolean" }).notNull().default(false),
    templates_repo: text("templates_repo"),
    created_at: integer("created_at").notNull(),
    deleted: integer("deleted", { mode: "boolean" }).notNull().default(false),
  },
  () => [uniqueIndex("projects_name").on(sql`lower(name)`).where(sql`deleted = 0`)],
);

export const members = sqliteTable(
  "members",
  {
    project_id: text("project_id").notNull(),
    user_id: text("user_id").notNull(),
    project_role: text("project_role").$type<"admin" | "manager" | "user">().notNull(),
  },
  (t) => [primaryKey({ columns: [t.project_id, t.user_id] })],
);

export const fleets = sqliteTable(
  "fleets",
  {
    id: text("id").primaryKey(),
    project_id: text("project_id").notNull(),
    name: text("name").notNull(),
    spec: text("spec", { mode: "json" }).$type<FleetSpec>().notNull(),
    status: text("status").$type<FleetStatus>().notNull(),
    /** Of making up for missing instances: how many tries in a row, and when the next one may come. */
    attempts: integer("attempts").notNull().default(0),
    next_attempt_at: integer("next_attempt_at"),
    /** Of a cluster: the instance whose place the others are made at. */
    master_id: text("master_id"),
    created_at: integer("created_at").notNull(),
    deleted: integer("deleted", { mode: "boolean" }).notNull().default(false),
  },
  (t) => [
    index("fleets_project").on(t.project_id, t.deleted),
    uniqueIndex("fleets_name").on(t.project_id, t.name).where(sql`deleted = 0`),
  ],
);

export const instances = sqliteTable(
  "instances",
  {
    id: text("id").primaryKey(),
    project_id: text("project_id").notNull(),
    fleet_id: text("fleet_id").notNull(),
    instance_num: integer("instance_num").notNull(),
    name: text("name").notNull(),
    status: text("status").$type<InstanceStatus>().notNull(),
    unreachable: integer("unreachable", { mode: "boolean" }).notNull().default(false),
    inventory: text("inventory", { mode: "json" }).$type<Inventory>().notNull(),
    /** Into how many parts the host is to be divided; how many these come to is the inventory's matter. */
    blocks: text("blocks", { mode: "json" }).$type<number | "auto">().notNull().default(1),
    /** What a backend made it as; null: the host joined by itself. */
    made: text("made", { mode: "json" }).$type<MadeInstance>(),
    /** How the coordinator brings it in by SSH, or has; null: it joined in another way. */
    ssh: text("ssh", { mode: "json" }).$type<SshInstance>(),
    /** The address by which other nodes of a task reach it, where its fleet says which; null: found out by itself. */
    internal_ip: text("internal_ip"),
    /** Since when it has no job; null: it has one, or is not there yet. */
    idle_since: integer("idle_since"),
    /** How long a made instance without jobs is kept, in seconds; null or negative: for ever. */
    idle_duration_s: integer("idle_duration_s"),
    /** Of a made instance: when it must have joined, or its end is tried again. */
    wake_at: integer("wake_at"),
    /** Base64 Ed25519 key: the host's identity. */
    public_key: text("public_key").notNull(),
    boot_id: text("boot_id").notNull(),
    agent_version: text("agent_version").notNull(),
    /** Newest session of the agent process (docs: shared/protocol/sync.ts); older ones are fenced. */
    session: text("session"),
    /** SHA-256 hex of the current credential and, until it expires, of the one it replaced. */
    credential_hash: text("credential_hash").notNull(),
    credential_expires_at: integer("credential_expires_at").notNull(),
    previous_credential_hash: text("previous_credential_hash"),
    previous_credential_expires_at: integer("previous_credential_expires_at"),
    /** Set by a user: no new jobs go there. */
    cordon: text("cordon", { mode: "json" }).$type<Cordon>(),
    /** Set by whoever runs the host (shared/protocol/sync.ts): no new jobs go there. */
    draining: text("draining", { mode: "json" }).$type<Draining>(),
    /** From the token that it joined with; its fleet's people select by them. */
    labels: text("labels", { mode: "json" }).$type<Labels>(),
    /** Since when it is `unreachable`; null: it is not, or since before this was kept. */
    unreachable_since: integer("unreachable_since"),
    /** Set by a user: the host is to leave its fleet, and to be as if it had never joined. */
    leaving: text("leaving", { mode: "json" }).$type<Leaving>(),
    /** What its agent last said of upgrades of itself. */
    upgrade: text("upgrade", { mode: "json" }).$type<AgentUpgrade>(),
    termination_reason: text("termination_reason").$type<InstanceReason>(),
    termination_reason_message: text("termination_reason_message"),
    created_at: integer("created_at").notNull(),
    finished_at: integer("finished_at"),
    deleted: integer("deleted", { mode: "boolean" }).notNull().default(false),
  },
  (t) => [
    index("instances_fleet").on(t.fleet_id, t.deleted),
    index("instances_number").on(t.fleet_id, t.instance_num),
    index("instances_machine").on(t.fleet_id, sql`(inventory ->> '$.machine')`),
    index("instances_public_key").on(t.public_key),
    index("instances_credential").on(t.credential_hash),
    index("instances_previous_credential").on(t.previous_credential_hash),
  ],
);

/** Hosts of SSH fleets, for as long as they are listed in one. */
export const sshHosts = sqliteTable("ssh_hosts", {
  /** In lower case: a host belongs to one fleet of the server. */
  hostname: text("hostname").primaryKey(),
  instance_id: text("instance_id").notNull().unique(),
  fleet_id: text("fleet_id").notNull(),
  /** What opens it (domain/fleets/sshSecrets.ts), sealed; null: forgotten, for it is in, or was given up. */
  secrets_sealed: text("secrets_sealed"),
});

export const runs = sqliteTable(
  "runs",
  {
    id: text("id").primaryKey(),
    project_id: text("project_id").notNull(),
    user_id: text("user_id").notNull(),
    fleet_id: text("fleet_id"),
    name: text("name").notNull(),
    status: text("status").$type<RunStatus>().notNull(),
    termination_reason: text("termination_reason").$type<RunReason>(),
    spec: text("spec", { mode: "json" }).$type<RunSpec>().notNull(),
    priority: integer("priority").notNull().default(0),
    deployment_num: integer("deployment_num").notNull().default(0),
    submitted_at: integer("submitted_at").notNull(),
    last_processed_at: integer("last_processed_at").notNull(),
    next_triggered_at: integer("next_triggered_at"),
    /** When the schedule began the execution that is under way. */
    triggered_at: integer("triggered_at"),
    deleted: integer("deleted", { mode: "boolean" }).notNull().default(false),
  },
  (t) => [
    uniqueIndex("runs_name").on(t.project_id, t.name).where(sql`deleted = 0`),
    index("runs_submitted").on(t.submitted_at),
    index("runs_status").on(t.status),
  ],
);

/** One attempt at a job; on the wire the `job_submissions` of a `Job`. */
export const submissions = sqliteTable(
  "submissions",
  {
    id: text("id").primaryKey(),
    run_id: text("run_id").notNull(),
    replica_num: integer("replica_num").notNull(),
    job_num: integer("job_num").notNull(),
    submission_num: integer("submission_num").notNull(),
    deployment_num: integer("deployment_num").notNull().default(0),
    job_spec: text("job_spec", { mode: "json" }).$type<JobSpec>().notNull(),
    status: text("status").$type<JobStatus>().notNull(),
    termination_reason: text("termination_reason").$type<JobReason>(),
    termination_reason_message: text("termination_reason_message"),
    exit_status: integer("exit_status"),
    instance_id: text("instance_id"),
    /** What of the instance it has, for as long as it is alive; null: all of it (attempts of older versions). */
    share: text("share", { mode: "json" }).$type<HostShare>(),
    /** When the scheduler gave it to the instance, and when the agent first named it. */
    assigned_at: integer("assigned_at"),
    acknowledged_at: integer("acknowledged_at"),
    /** Set when a host is asked to end it: milliseconds from interrupt to kill. */
    stop_grace_ms: integer("stop_grace_ms"),
    provisioning_data: text("provisioning_data", { mode: "json" }).$type<JobProvisioningData>(),
    runtime_data: text("runtime_data", { mode: "json" }).$type<JobRuntimeData>(),
    pull_progress: text("pull_progress", { mode: "json" }).$type<PullProgress>(),
    /** Highest report sequence applied. */
    report_sequence: integer("report_sequence").notNull().default(0),
    /** Length of the whole output, known once the agent has reported the end. */
    log_bytes: integer("log_bytes"),
    /** True once the coordinator holds all of the output (or will never get more): the agent may forget. */
    log_complete: integer("log_complete", { mode: "boolean" }).notNull().default(false),
    submitted_at: integer("submitted_at").notNull(),
    last_processed_at: integer("last_processed_at").notNull(),
    finished_at: integer("finished_at"),
  },
  (t) => [
    uniqueIndex("submissions_run").on(t.run_id, t.replica_num, t.job_num, t.submission_num),
    index("submissions_status").on(t.status),
    index("submissions_instance").on(t.instance_id, t.log_complete),
  ],
);

/** Values that configurations name and nobody sees (docs/spec/http-api.md §2.10). */
export const secrets = sqliteTable(
  "secrets",
  {
    id: text("id").primaryKey(),
    project_id: text("project_id").notNull(),
    name: text("name").notNull(),
    /** store/secretBox.ts */
    value_sealed: text("value_sealed").notNull(),
    created_at: integer("created_at").notNull(),
  },
  (t) => [uniqueIndex("secrets_name").on(t.project_id, t.name)],
);

/** What both jobs and hosts are sampled for (shared/protocol/metrics.ts); null: not told. */
const usage = {
  at: integer("at").notNull(),
  cpu_us: integer("cpu_us").notNull(),
  memory_bytes: integer("memory_bytes").notNull(),
  disk_read_bytes: integer("disk_read_bytes"),
  disk_write_bytes: integer("disk_write_bytes"),
  network_in_bytes: integer("network_in_bytes"),
  network_out_bytes: integer("network_out_bytes"),
  /** Packed by store/usage.ts. */
  gpus: text("gpus").notNull(),
};

export const jobUsage = sqliteTable(
  "job_usage",
  {
    submission_id: text("submission_id").notNull(),
    ...usage,
    working_set_bytes: integer("working_set_bytes").notNull(),
  },
  (t) => [primaryKey({ columns: [t.submission_id, t.at] }), index("job_usage_at").on(t.at)],
);

export const hostUsage = sqliteTable(
  "host_usage",
  {
    instance_id: text("instance_id").notNull(),
    ...usage,
    memory_total_bytes: integer("memory_total_bytes").notNull(),
    disk_used_bytes: integer("disk_used_bytes"),
    disk_total_bytes: integer("disk_total_bytes"),
  },
  (t) => [primaryKey({ columns: [t.instance_id, t.at] }), index("host_usage_at").on(t.at)],
);

/** A row when an instance's health has changed, and what it was then. */
export const healthChecks = sqliteTable(
  "health_checks",
  {
    instance_id: text("instance_id").notNull(),
    at: integer("at").notNull(),
    status: text("status").$type<HealthStatus>().notNull(),
    events: text("events", { mode: "json" }).$type<HealthEvent[]>().notNull(),
  },
  (t) => [primaryKey({ columns: [t.instance_id, t.at] }), index("health_checks_at").on(t.at)],
);

export const volumes = sqliteTable(
  "volumes",
  {
    id: text("id").primaryKey(),
    project_id: text("project_id").notNull(),
    user_id: text("user_id").notNull(),
    name: text("name").notNull(),
    configuration: text("configuration", { mode: "json" }).$type<VolumeConfiguration>().notNull(),
    status: text("status").$type<VolumeStatus>().notNull(),
    status_message: text("status_message"),
    created_at: integer("created_at").notNull(),
    last_processed_at: integer("last_processed_at").notNull(),
    deleted: integer("deleted", { mode: "boolean" }).notNull().default(false),
    deleted_at: integer("deleted_at"),
  },
  (t) => [
    index("volumes_status").on(t.status),
    uniqueIndex("volumes_name").on(t.project_id, t.name).where(sql`deleted = 0`),
  ],
);

export const gateways = sqliteTable(
  "gateways",
  {
    id: text("id").primaryKey(),
    project_id: text("project_id").notNull(),
    name: text("name").notNull(),
    /** Without `default`, which is the project's to say. */
    configuration: text("configuration", { mode: "json" }).$type<GatewayConfiguration>().notNull(),
    status: text("status").$type<GatewayStatus>().notNull(),
    status_message: text("status_message"),
    created_at: integer("created_at").notNull(),
    deleted: integer("deleted", { mode: "boolean" }).notNull().default(false),
  },
  (t) => [
    index("gateways_status").on(t.status),
    uniqueIndex("gateways_name").on(t.project_id, t.name).where(sql`deleted = 0`),
  ],
);

/** The gateway of services that name none; one of another project where that one shares it. */
export const defaultGateways = sqliteTable("default_gateways", {
  project_id: text("project_id").primaryKey(),
  gateway_id: text("gateway_id").notNull(),
});

/** What a project shares with others (docs/spec/http-api.md §2.13). */
export const exports = sqliteTable(
  "exports",
  {
    id: text("id").primaryKey(),
    project_id: text("project_id").notNull(),
    name: text("name").notNull(),
    /** With every project. */
    is_global: integer("is_global", { mode: "boolean" }).notNull(),
    created_at: integer("created_at").notNull(),
  },
  (t) => [uniqueIndex("exports_name").on(t.project_id, t.name)],
);

/** With which projects it is shared by name. */
export const imports = sqliteTable(
  "imports",
  {
    id: text("id").primaryKey(),
    export_id: text("export_id").notNull(),
    project_id: text("project_id").notNull(),
  },
  (t) => [
    uniqueIndex("imports_project").on(t.export_id, t.project_id),
    index("imports_importer").on(t.project_id),
  ],
);

export const exportedThings = sqliteTable(
  "exported_things",
  {
    export_id: text("export_id").notNull(),
    kind: text("kind").$type<"fleet" | "gateway">().notNull(),
    thing_id: text("thing_id").notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.export_id, t.kind, t.thing_id] }),
    index("exported_things_thing").on(t.kind, t.thing_id),
  ],
);

/** Further keys of a user (docs/spec/http-api.md §2.2). */
export const publicKeys = sqliteTable(
  "public_keys",
  {
    id: text("id").primaryKey(),
    user_id: text("user_id").notNull(),
    name: text("name").notNull(),
    /** As in `authorized_keys`, without a comment. */
    key: text("key").notNull(),
    type: text("type").notNull(),
    fingerprint: text("fingerprint").notNull(),
    added_at: integer("added_at").notNull(),
  },
  (t) => [uniqueIndex("public_keys_fingerprint").on(t.user_id, t.fingerprint)],
);

export const repos = sqliteTable(
  "repos",
  {
    id: text("id").primaryKey(),
    project_id: text("project_id").notNull(),
    /** The id chosen by the client, unique in the project. */
    repo_id: text("repo_id").notNull(),
    info: text("info", { mode: "json" }).$type<Record<string, unknown>>().notNull(),
  },
  (t) => [uniqueIndex("repos_repo_id").on(t.project_id, t.repo_id)],
);

/** With what one user clones a repository. */
export const repoCreds = sqliteTable(
  "repo_creds",
  {
    project_id: text("project_id").notNull(),
    /** As in `repos`: chosen by the client. */
    repo_id: text("repo_id").notNull(),
    user_id: text("user_id").notNull(),
    /** JSON of `RepoCreds` (shared/api/repos.ts), sealed. */
    creds_sealed: text("creds_sealed").notNull(),
  },
  (t) => [primaryKey({ columns: [t.project_id, t.repo_id, t.user_id] })],
);

/** Code that was uploaded for a repository, by the hash of its blob: a run of the project may name no other. */
export const repoCode = sqliteTable(
  "repo_code",
  {
    project_id: text("project_id").notNull(),
    repo_id: text("repo_id").notNull(),
    hash: text("hash").notNull(),
  },
  (t) => [primaryKey({ columns: [t.project_id, t.repo_id, t.hash] })],
);

/** Uploaded file archives; the bytes are in the blob store under their hash. */
export const fileArchives = sqliteTable(
  "file_archives",
  {
    id: text("id").primaryKey(),
    user_id: text("user_id").notNull(),
    hash: text("hash").notNull(),
    size: integer("size").notNull(),
    created_at: integer("created_at").notNull(),
  },
  (t) => [uniqueIndex("file_archives_hash").on(t.user_id, t.hash)],
);

/**
 * What happened, for people (docs/spec/lifecycle.md §7.3). One row has what one transaction tells of one run, host or
 * the like, so that telling it costs a single insert; docs/adr/0010-events.md has the figures.
 */
export const events = sqliteTable(
  "events",
  {
    /** Microseconds since 1970, of the first of `told`; the next is one later. No two events have the same. */
    recorded_at: integer("recorded_at").primaryKey(),
    told: text("told", { mode: "json" }).$type<ToldEvent[]>().notNull(),
    /** What the targets of `told` are or belong to, as far as there is one of that sort. */
    project_id: text("project_id"),
    user_id: text("user_id"),
    fleet_id: text("fleet_id"),
    instance_id: text("instance_id"),
    run_id: text("run_id"),
  },
  (t) => [
    index("events_project").on(t.project_id),
    index("events_user").on(t.user_id).where(sql`user_id IS NOT NULL`),
    index("events_fleet").on(t.fleet_id).where(sql`fleet_id IS NOT NULL`),
    index("events_instance").on(t.instance_id).where(sql`instance_id IS NOT NULL`),
    index("events_run").on(t.run_id).where(sql`run_id IS NOT NULL`),
  ],
);

/** Single values of the installation, e.g. the server's id. */
export const settings = sqliteTable("settings", {
  key: text("key").primaryKey(),
  value: text("value").notNull(),
});
