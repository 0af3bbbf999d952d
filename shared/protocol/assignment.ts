import { z } from "zod";

/** A file archive (uncompressed tar with one top entry) to be unpacked before the command starts. */
export const AssignedArchive = z.object({
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** Target path; relative ones are under the working directory, `~` is the job user's home. */
  path: z.string(),
});
export type AssignedArchive = z.infer<typeof AssignedArchive>;

/** A repository that is to be there before the command starts (docs/spec/agent.md §2.12). */
export const AssignedRepo = z.object({
  /** Target folder; relative ones are under the working directory, `~` is the job user's home. */
  path: z.string(),
  /** A folder there that holds something fails the job (`error`), or is left as it is and nothing is put there. */
  if_exists: z.enum(["error", "skip"]),
  /** What to clone; absent: `code_sha256` is a tar of everything. */
  remote: z
    .object({
      clone_url: z.string(),
      branch: z.string().nullish(),
      /** Checked out where it is not the branch's own. */
      hash: z.string().nullish(),
      single_branch: z.boolean(),
      /** For commits made in the job. */
      config_name: z.string().nullish(),
      config_email: z.string().nullish(),
      private_key: z.string().nullish(),
      oauth_token: z.string().nullish(),
    })
    .nullish(),
  /** Blob: for a clone a binary git diff over its commit, else a tar. */
  code_sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullish(),
});
export type AssignedRepo = z.infer<typeof AssignedRepo>;

/** Everything an agent needs to run one submission; made by the coordinator, never changed afterwards. */
export const Assignment = z.object({
  submission_id: z.uuid(),
  run_id: z.uuid(),
  run_name: z.string(),
  project_name: z.string(),
  job_name: z.string(),
  job_num: z.number().int(),
  replica_num: z.number().int(),
  runtime: z.enum(["docker", "process"]),
  /** The command as an argument vector. Empty (docker only): the image's own entrypoint and command. */
  argv: z.array(z.string()),
  /** Job environment, over which the agent lays what only it knows (HOME, DSTACK_WORKING_DIR, GPU variables). */
  env: z.record(z.string(), z.string()),
  image: z.string().nullish(),
  registry_auth: z.object({ username: z.string(), password: z.string() }).nullish(),
  /** `name|uid[:group|gid]` as configured; absent: the image's user (docker), the agent's own (process). */
  user: z.string().nullish(),
  working_dir: z.string().nullish(),
  privileged: z.boolean(),
  network_mode: z.enum(["host", "bridge"]),
  shm_size_mib: z.number().nullish(),
  /** Limits of a part of a host; absent: the whole host. */
  cpus: z.number().nullish(),
  memory_mib: z.number().int().nullish(),
  /** Ids of the devices given to this job (GpuDevice.id). */
  gpu_ids: z.array(z.string()),
  /** Host folders to mount. `optional`: the job runs without one that cannot be had, and its log says so. */
  mounts: z.array(z.object({ source: z.string(), target: z.string(), optional: z.boolean().nullish() })),
  archives: z.array(AssignedArchive),
  /** Bytes of output kept in an hour, what is over is dropped with a notice; 0: all. Absent: the agent's own bound. */
  log_quota_hour: z.number().int().nonnegative().nullish(),
  repo: AssignedRepo.nullish(),
  /** Seconds from the start of the command; absent: unlimited. */
  max_duration_s: z.number().int().positive().nullish(),
  /**
   * The claim: the agent may start at once, but until a sync or report that names this submission has been
   * answered it is not confirmed; unconfirmed for this long, the agent ends the job by its own clock. The
   * coordinator waits longer than that before it gives the job to someone else, so a job never runs twice.
   */
  claim_lease_ms: z.number().int().positive(),
  /**
   * Set where the job goes on elsewhere when its host is lost: cut off for this long (since it sent the last sync that
   * was answered), the agent ends the job by its own clock. The coordinator waits longer before it starts another.
   */
  stop_if_silent_ms: z.number().int().positive().nullish(),
});
export type Assignment = z.infer<typeof Assignment>;
