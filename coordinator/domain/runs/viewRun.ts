import type { Job, JobSubmission } from "../../../shared/api/jobs.ts";
import type { Run, RunSpec } from "../../../shared/api/runs.ts";
import { toWireTime } from "../../../shared/api/scalars.ts";
import type { SshAddress } from "../../config.ts";
import type { Deps } from "../../deps.ts";
import { listFleetsByIds } from "../../store/fleets.ts";
import { listProjectsByIds } from "../../store/projects.ts";
import { listSubmissionsOfRuns } from "../../store/runLists.ts";
import type { RunRow } from "../../store/runs.ts";
import type { SubmissionRow } from "../../store/submissions.ts";
import { listUsersByIds } from "../../store/users.ts";
import { connectionOf } from "./connectionInfo.ts";
import { costOf } from "./cost.ts";
import { runError, runStatusMessage, submissionError, submissionStatusMessage } from "./statusTexts.ts";

export interface RunViewOptions {
  /** Only the newest of each job; left out: all. */
  submissionsLimit?: number;
  /** Without, a run has no jobs, but still its latest submission. */
  withJobs?: boolean;
  /**
   * How people reach running jobs: only told by `runs/get` (docs/spec/http-api.md §2.6). `ssh`: where whoever asks finds
   * SSH for jobs.
   */
  connections?: { ssh: SshAddress | undefined };
}

export const viewRun = async (deps: Deps, row: RunRow, options: RunViewOptions = {}): Promise<Run> => {
  const [run] = await viewRuns(deps, [row], options);
  if (!run) throw new Error(`Run ${row.id} has no view`);
  return run;
};

/** In the order of the rows. */
export const viewRuns = async (deps: Deps, rows: RunRow[], options: RunViewOptions = {}): Promise<Run[]> => {
  const { db } = deps;
  const submissions = Map.groupBy(
    await listSubmissionsOfRuns(
      db,
      rows.map((row) => row.id),
    ),
    (submission) => submission.run_id,
  );
  const users = byId(await listUsersByIds(db, distinct(rows.map((row) => row.user_id))));
  const projects = byId(await listProjectsByIds(db, distinct(rows.map((row) => row.project_id))));
  const fleets = byId(await listFleetsByIds(db, distinct(rows.map((row) => row.fleet_id))));
  const now = deps.clock.now();
  return rows.map((row) => {
    const fleet = row.fleet_id === null ? undefined : fleets.get(row.fleet_id);
    const mine = submissions.get(row.id) ?? [];
    const jobs = groupByJob(mine);
    return {
      id: row.id,
      project_name: projects.get(row.project_id)?.name ?? "",
      user: users.get(row.user_id)?.username ?? "",
      fleet: fleet ? { id: fleet.id, name: fleet.name } : null,
      submitted_at: toWireTime(row.submitted_at),
      last_processed_at: toWireTime(row.last_processed_at),
      status: row.status,
      status_message: runStatusMessage(row, jobs),
      // Clients know the reasons of the reference only.
      termination_reason: row.termination_reason === "ended_by_policy" ? null : row.termination_reason,
      run_spec: toWireSpec(row.spec),
      jobs:
        options.withJobs === false
          ? []
          : jobs.flatMap((attempts) => viewJob(deps, row, { attempts, options })),
      latest_job_submission: latestOf(deps, row, jobs),
      cost: costOf(mine, now),
      service: null,
      deployment_num: row.deployment_num,
      error: runError(row.termination_reason),
      deleted: row.deleted,
      next_triggered_at: row.next_triggered_at === null ? null : toWireTime(row.next_triggered_at),
      queue: row.status === "pending" ? (deps.engine.positionOf(row.id) ?? null) : null,
    };
  });
};

const distinct = (ids: (string | null)[]): string[] => [...new Set(ids)].filter((id) => id !== null);

const byId = <T extends { id: string }>(rows: T[]): Map<string, T> =>
  new Map(rows.map((row) => [row.id, row]));

/** The attempts at each job, oldest first; jobs by replica, then number. */
const groupByJob = (submissions: SubmissionRow[]): SubmissionRow[][] => [
  ...Map.groupBy(submissions, (submission) => `${submission.replica_num}/${submission.job_num}`).values(),
];

const latestOf = (deps: Deps, run: RunRow, [first]: SubmissionRow[][]): JobSubmission | null => {
  const latest = first?.at(-1);
  return latest ? viewSubmission(deps, run, latest) : null;
};

/** With a limit of 0 there are jobs without attempts, as with the reference, whose clients never ask for that. */
const viewJob = (
  deps: Deps,
  run: RunRow,
  { attempts, options }: { attempts: SubmissionRow[]; options: RunViewOptions },
): Job[] => {
  const latest = attempts.at(-1);
  const { submissionsLimit = attempts.length, connections } = options;
  if (!latest) return [];
  return [
    {
      job_spec: { ...latest.job_spec, ssh_key: null },
      job_submissions: attempts
        .slice(Math.max(0, attempts.length - submissionsLimit))
        .map((attempt) => viewSubmission(deps, run, attempt)),
      job_connection_info:
        connections && latest.status === "running" ? connectionOf(run, latest, connections.ssh) : null,
    },
  ];
};

const viewSubmission = (deps: Deps, run: RunRow, row: SubmissionRow): JobSubmission => ({
  id: row.id,
  submission_num: row.submission_num,
  deployment_num: row.deployment_num,
  submitted_at: toWireTime(row.submitted_at),
  last_processed_at: toWireTime(row.last_processed_at),
  finished_at: row.finished_at === null ? null : toWireTime(row.finished_at),
  inactivity_secs: inactivityOf(deps, run, row),
  status: row.status,
  status_message: submissionStatusMessage(row),
  termination_reason: row.termination_reason,
  termination_reason_message: row.termination_reason_message,
  exit_status: row.exit_status,
  job_provisioning_data: row.provisioning_data,
  job_runtime_data: row.runtime_data,
  error: submissionError(row.termination_reason),
  probes: [],
  image_pull_progress: row.status === "pulling" ? row.pull_progress : null,
});

/** Of dev environments alone, whether or not they have a limit. */
const inactivityOf = ({ engine }: Deps, { spec }: RunRow, row: SubmissionRow): number | null => {
  const isTold = spec.configuration.type === "dev-environment" && row.status === "running";
  return isTold ? (engine.inactivityOf(row) ?? null) : null;
};

/** Clients before 0.22 take a task without either `nodes` or `groups` as broken (docs/spec/http-api.md §1.3). */
export const toWireSpec = (spec: RunSpec): RunSpec => {
  const { configuration } = spec;
  if (configuration.type !== "task" || configuration.nodes !== undefined || configuration.groups) return spec;
  return { ...spec, configuration: { ...configuration, nodes: 1 } };
};
