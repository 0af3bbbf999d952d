import type { JobSpec } from "../../shared/api/jobs.ts";
import { jobEnv } from "../../shared/config/jobEnv.ts";
import { hasDefaultImage } from "../../shared/config/jobKinds.ts";
import { insertNodeAddresses } from "../../shared/config/nodeReferences.ts";
import { processArgv } from "../../shared/config/processArgv.ts";
import type { AssignedArchive, Assignment } from "../../shared/protocol/assignment.ts";
import type { Inventory } from "../../shared/protocol/inventory.ts";
import type { IdeArchives } from "../blobs/ideArchives.ts";
import { ideServerOfRun } from "../domain/files/ideBlobs.ts";
import { valuesOf } from "../domain/fleets/agentEnv.ts";
import { wholeOf } from "../domain/instances/occupancy.ts";
import { fillSecrets, readSecrets } from "../domain/secrets/fillSecrets.ts";
import type { Db } from "../store/db.ts";
import { listFileArchivesByIds } from "../store/fileArchives.ts";
import { type FleetRow, findFleet } from "../store/fleets.ts";
import type { InstanceRow } from "../store/instances.ts";
import { findProject } from "../store/projects.ts";
import { findRun, type RunRow } from "../store/runs.ts";
import type { SecretBox } from "../store/secretBox.ts";
import { listSubmissions, type SubmissionRow } from "../store/submissions.ts";
import { repoOf } from "./assignRepo.ts";
import { endsInSilence, groupByJob } from "./attempts.ts";
import { CLAIM_LEASE_MS, type Patience } from "./engineDeps.ts";

interface AssignDeps {
  /** Absent: jobs download the servers of editors themselves. */
  ideArchives?: IdeArchives;
  db: Db;
  /** Opens the secrets and the credentials that a job was promised. */
  box: SecretBox;
  /** Undefined: agents keep to their own. */
  logQuotaHour?: number | undefined;
  patience: Patience;
}

/**
 * What an agent needs to run a submission that was placed on `instance`, its host. The same submission gives the same
 * answer, but for the values of secrets and the fleet's default image. Throws an `AppError` where one that it names is
 * gone.
 */
export const createAssignment = async (
  { db, box, patience, logQuotaHour, ideArchives }: AssignDeps,
  submission: SubmissionRow,
  instance: InstanceRow,
): Promise<Assignment> => {
  const [run, fleet] = await Promise.all([findRun(db, submission.run_id), findFleet(db, instance.fleet_id)]);
  const project = run && (await findProject(db, run.project_id));
  if (!run || !project) throw new Error(`Submission ${submission.id} has no run or no project`);
  const { job_spec: spec } = submission;
  const { inventory } = instance;
  const share = submission.share ?? wholeOf({ instance });
  const nodes = await listNodes(db, submission);
  // That of SSH fleets; what the job says for itself comes first.
  const env = { ...valuesOf(fleet?.spec.configuration.env ?? {}), ...spec.env };
  const secrets = await readSecrets({ db, box }, project.id, [
    ...Object.values(env),
    ...Object.values(spec.registry_auth ?? {}),
  ]);
  return {
    submission_id: submission.id,
    run_id: run.id,
    run_name: run.name,
    project_name: project.name,
    job_name: spec.job_name,
    job_num: spec.job_num,
    replica_num: spec.replica_num,
    env: jobEnv(
      { ...spec, env: fillSecrets(env, secrets, "the variable") },
      {
        runId: run.id,
        runName: run.name,
        repoId: run.spec.repo_id,
        submissionId: submission.id,
        nodeIps: nodes.map(addressOf),
        gpusPerNode: nodes.map(gpusOf),
      },
    ),
    ...withAddresses(
      commandFor(inventory.runtime, { ...spec, image_name: imageFor(run, spec, fleet) }, secrets),
      nodes,
    ),
    user: userText(spec.user),
    working_dir: spec.working_dir,
    privileged: spec.privileged,
    network_mode: submission.runtime_data?.network_mode ?? "host",
    shm_size_mib: shmSizeMib(spec),
    cpus: share.cpus,
    memory_mib: share.memory_mib,
    gpu_ids: share.gpu_ids,
    mounts: (spec.volumes ?? []).flatMap((mount) =>
      "instance_path" in mount
        ? [{ source: mount.instance_path, target: mount.path, optional: mount.optional }]
        : [],
    ),
    archives: [
      ...(await listArchives(db, spec)),
      ...(await listIdeArchives(ideArchives, run, inventory.arch)),
    ],
    ...(await repoOf({ db, box }, run, spec)),
    max_duration_s: spec.max_duration,
    ...(logQuotaHour === undefined ? {} : { log_quota_hour: logQuotaHour }),
    claim_lease_ms: CLAIM_LEASE_MS,
    ...(endsInSilence(run, submission) ? { stop_if_silent_ms: patience.silenceMs } : {}),
  };
};

/** The jobs of the replica, by rank: all of them are placed before the first begins. */
const listNodes = async (db: Db, submission: SubmissionRow): Promise<SubmissionRow[]> => {
  if (submission.job_spec.jobs_per_replica === 1) return [submission];
  const jobs = groupByJob(await listSubmissions(db, submission.run_id));
  return jobs.map((job) => job.latest).filter((job) => job.replica_num === submission.replica_num);
};

const gpusOf = ({ share, provisioning_data: placed }: SubmissionRow): number =>
  share?.gpu_ids.length ?? placed?.instance_type.resources.gpus.length ?? 0;

const addressOf = (node: SubmissionRow): string => node.provisioning_data?.internal_ip ?? "127.0.0.1";

/** References to other nodes stand in the commands until these are placed (docs/spec/lifecycle.md §4). */
const withAddresses = <C extends { argv: string[] }>(command: C, nodes: readonly SubmissionRow[]): C => {
  const find = (group: number, index: number): string | undefined => {
    const isMeant = ({ job_spec: spec }: SubmissionRow) =>
      spec.node_group_index === group && spec.node_group_job_index === index;
    const node = nodes.find(isMeant);
    return node && addressOf(node);
  };
  return { ...command, argv: command.argv.map((text) => insertNodeAddresses(text, find)) };
};

/** Where nobody has chosen an image for the job, its fleet may have another default than the server. */
const imageFor = (run: RunRow, spec: JobSpec, fleet: FleetRow | undefined): string => {
  const { default_image: image } = fleet?.spec.configuration ?? {};
  return image !== undefined && hasDefaultImage(run.spec.configuration, spec) ? image : spec.image_name;
};

/** A host without a container engine runs the commands themselves; placement gives it no job that needs an image. */
const commandFor = (runtime: Inventory["runtime"], spec: JobSpec, secrets: Record<string, string>) => {
  if (runtime === "process") return { runtime, argv: processArgv(spec) };
  const auth = spec.registry_auth && fillSecrets({ ...spec.registry_auth }, secrets, "registry_auth");
  return { runtime, argv: spec.commands, image: spec.image_name, registry_auth: auth };
};

/** `name|uid[:group|gid]`, as configurations write it. */
const userText = (user: JobSpec["user"]): string | null => {
  if (!user) return null;
  const name = user.username ?? user.uid;
  const group = user.groupname ?? user.gid;
  if (name === null) return null;
  return group === null ? String(name) : `${name}:${group}`;
};

/** Configurations give it in GB of 1024 MB. */
const shmSizeMib = ({ requirements }: JobSpec): number | null => {
  const { shm_size: gigabytes } = requirements.resources;
  return gigabytes === null ? null : Math.round(gigabytes * 1024);
};

const listArchives = async (db: Db, spec: JobSpec): Promise<AssignedArchive[]> => {
  const rows = await listFileArchivesByIds(
    db,
    spec.file_archives.map((archive) => archive.id),
  );
  const hashes = new Map(rows.map((row) => [row.id, row.hash]));
  return spec.file_archives.map(({ id, path }) => {
    const sha256 = hashes.get(id);
    if (sha256 === undefined) throw new Error(`File archive ${id} is gone`);
    return { sha256, path };
  });
};

/** The editor's server, where the coordinator has it: the job's commands find it in place (shared/config/ideServers.ts). */
const listIdeArchives = async (
  archives: IdeArchives | undefined,
  run: RunRow,
  arch: Inventory["arch"],
): Promise<AssignedArchive[]> => {
  const server = archives && ideServerOfRun(run);
  const sha256 = server && (await archives.find(server, arch));
  return server && sha256 !== undefined ? [{ sha256, path: `~/${server.folder}` }] : [];
};
