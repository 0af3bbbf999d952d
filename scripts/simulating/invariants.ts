import type { HostShare } from "../../shared/resources/blocks.ts";
import {
  FINAL_JOB_STATUSES,
  isFinalJob,
  isFinalRun,
  type JobStatus,
  type RunStatus,
} from "../../shared/states.ts";
import type { SimCoordinator } from "./coordinator.ts";
import type { SimHost } from "./host.ts";
import type { Ledger } from "./ledger.ts";
import type { Users } from "./users.ts";

export interface Scene {
  coordinator: SimCoordinator;
  hosts: ReadonlyMap<string, SimHost>;
  ledger: Ledger;
  users: Users;
  onBug: (what: string) => void;
}

interface SubmissionFacts {
  id: string;
  run: string;
  job: string;
  status: JobStatus;
  instance: string | null;
  share: HostShare | null;
  reason: string | null;
  message: string;
  exitStatus: number | null;
  logBytes: number | null;
  isLogComplete: boolean;
  num: number;
}

export interface Facts {
  runs: Map<string, { name: string; status: RunStatus; reason: string | null }>;
  submissions: SubmissionFacts[];
  instances: Map<string, string>;
}

/** As one value, for a row of many columns costs more than all the rest of a look. */
const FACTS = `SELECT json_array(
  (SELECT json_group_array(json_array(id, name, status, termination_reason)) FROM runs),
  (SELECT json_group_array(json_array(id, run_id, replica_num, job_num, submission_num, status, instance_id,
    termination_reason, termination_reason_message, exit_status, log_bytes, log_complete, json(share)))
    FROM (SELECT * FROM submissions ORDER BY rowid)),
  (SELECT json_group_array(json_array(id, status)) FROM instances))`;

type RunFacts = [id: string, name: string, status: RunStatus, reason: string | null];
type SubmissionColumns = [
  id: string,
  run: string,
  replicaNum: number,
  jobNum: number,
  num: number,
  status: JobStatus,
  instance: string | null,
  reason: string | null,
  message: string | null,
  exitStatus: number | null,
  logBytes: number | null,
  isLogComplete: number,
  share: HostShare | null,
];

/** All that the store says about runs and hosts. */
export const readFacts = async (coordinator: SimCoordinator): Promise<Facts> => {
  const [row] = await coordinator.look(FACTS);
  // There is no store before the first start.
  const tables = JSON.parse(String(row?.[0] ?? "[[],[],[]]")) as [
    RunFacts[],
    SubmissionColumns[],
    [string, string][],
  ];
  const [runs, submissions, instances] = tables;
  return {
    runs: new Map(runs.map(([id, name, status, reason]) => [id, { name, status, reason }])),
    submissions: submissions.map(
      ([
        id,
        run,
        replica,
        job,
        num,
        status,
        instance,
        reason,
        message,
        exitStatus,
        logBytes,
        complete,
        share,
      ]) => ({
        id,
        run,
        job: `${run}/${replica}/${job}`,
        num,
        status,
        instance,
        reason,
        message: message ?? "",
        exitStatus,
        logBytes,
        isLogComplete: complete === 1,
        share,
      }),
    ),
    instances: new Map(instances),
  };
};

/** What must hold at every moment; `before`: the facts of the last look. */
export const checkAlways = (scene: Scene, facts: Facts, before: Facts | undefined): void => {
  const { onBug } = scene;
  checkJobs(facts, onBug);
  checkHosts(scene, facts);
  checkLogs(scene, facts);
  checkRemembered(scene, facts);
  if (before) checkMoves(facts, before, onBug);
};

const checkJobs = ({ submissions, runs }: Facts, onBug: (what: string) => void): void => {
  const live = new Map<string, string>();
  const nums = new Map<string, number>();
  for (const { id, job, run, status, num } of submissions) {
    if (num <= (nums.get(job) ?? -1)) onBug(`Attempt ${num} of job ${job} follows ${nums.get(job)}`);
    nums.set(job, num);
    if (isFinalJob(status)) continue;
    const other = live.get(job);
    if (other !== undefined) onBug(`${id} and ${other} of job ${job} are both alive`);
    live.set(job, id);
    const owner = runs.get(run);
    if (!owner) onBug(`${id} belongs to no run`);
    else if (isFinalRun(owner.status)) onBug(`${id} is ${status}, its run ${owner.name} ${owner.status}`);
  }
};

/** What the store keeps in memory of its rows is what is in the rows. */
const checkRemembered = ({ coordinator, onBug }: Scene, { runs, submissions }: Facts): void => {
  if (!coordinator.isUp || coordinator.pending > 0) return;
  const stored = new Map(submissions.map((one) => [one.id, one]));
  for (const row of coordinator.parts.db.$rows) {
    const { id, status, termination_reason: reason } = row;
    const fact = stored.get(id);
    const seen = fact
      ? [fact.status, fact.reason, fact.instance, fact.exitStatus, fact.isLogComplete, fact.num]
      : [runs.get(id)?.status, runs.get(id)?.reason];
    const remembered =
      "run_id" in row
        ? [status, reason, row.instance_id, row.exit_status, row.log_complete, row.submission_num]
        : [status, reason];
    if (seen.join() !== remembered.join())
      onBug(`${id} is stored as [${seen}], remembered as [${remembered}]`);
  }
  for (const [host, ids] of coordinator.parts.db.$rows.held) {
    const held = submissions.filter((one) => one.instance === host && !one.isLogComplete);
    const expected = held.map(({ id }) => id).sort();
    const remembered = [...ids].sort();
    if (expected.join() !== remembered.join())
      onBug(`${host} has [${expected}] by what is stored, [${remembered}] by what is remembered`);
  }
};

const checkHosts = ({ coordinator, hosts, ledger, onBug }: Scene, facts: Facts): void => {
  const granted = new Map(facts.submissions.map((one) => [one.id, one.instance]));
  const occupants = new Map<string, SubmissionFacts[]>();
  for (const submission of facts.submissions) {
    if (submission.instance === null || isFinalJob(submission.status)) continue;
    occupants.set(submission.instance, [...(occupants.get(submission.instance) ?? []), submission]);
  }
  for (const [id, status] of facts.instances) {
    const present = occupants.get(id) ?? [];
    const count = present.length;
    const oversold = whyOversold(present);
    if (oversold !== undefined) onBug(`Instance ${id} with ${count} jobs ${oversold}`);
    if ((status === "busy") !== count > 0) onBug(`Instance ${id} is ${status} with ${count} jobs`);
  }
  for (const host of hosts.values())
    for (const id of host.held ?? [])
      if (granted.get(id) !== host.row.id) onBug(`${host.row.name} holds ${id}, which it was never given`);
  for (const { submissionId, host } of ledger.live())
    if (granted.get(submissionId) !== hosts.get(host)?.row.id)
      onBug(`${host} runs ${submissionId}, which it was never given`);
  if (!coordinator.isUp || coordinator.pending > 0) return;
  for (const id of facts.instances.keys()) {
    const known = coordinator.parts.capacity.get(id)?.occupants;
    if (!known) continue;
    // A run that was granted a host, and is to take it up, stands there for its job.
    const remembered = [...known.keys()].filter((one) => !facts.runs.has(one)).sort();
    const stored = (occupants.get(id) ?? []).map((one) => one.id).sort();
    if (stored.join() !== remembered.join())
      onBug(`Instance ${id} has jobs [${stored}], and is remembered with [${remembered}]`);
  }
};

/** Blocks and devices are given once. */
const whyOversold = (present: readonly SubmissionFacts[]): string | undefined => {
  const shares = present.map(({ share }) => share ?? { blocks: 1, total: 1, gpu_ids: [] });
  const part = shares.reduce((sum, { blocks, total }) => sum + blocks / total, 0);
  if (part > 1 + 1e-9) return `has given out ${part} of itself`;
  const devices = shares.flatMap((share) => share.gpu_ids);
  return new Set(devices).size < devices.length ? `has given out a device twice: ${devices}` : undefined;
};

const checkLogs = ({ coordinator, ledger, onBug }: Scene, facts: Facts): void => {
  for (const { id, logBytes, isLogComplete } of facts.submissions) {
    const held = coordinator.logs.get(id);
    const written = ledger.find(id)?.output;
    if (held && (!written || Buffer.compare(held, written.subarray(0, held.length)) !== 0))
      onBug(`The output held of ${id} is not what it printed`);
    if (isLogComplete && logBytes !== null && (held?.length ?? 0) < (written?.length ?? 0))
      onBug(`The output of ${id} counts as complete with ${held?.length ?? 0} of ${written?.length} bytes`);
  }
};

const checkMoves = (facts: Facts, before: Facts, onBug: (what: string) => void): void => {
  const earlier = new Map(before.submissions.map((one) => [one.id, one]));
  for (const now of facts.submissions) {
    const then = earlier.get(now.id);
    earlier.delete(now.id);
    if (then && isFinalJob(then.status) && then.status !== now.status)
      onBug(`${now.id} was ${then.status}, and is ${now.status}`);
    if (then?.instance && then.instance !== now.instance) onBug(`${now.id} went to another host`);
  }
  // An attempt that never found a host goes when there is a later one.
  for (const { id, instance } of earlier.values()) if (instance !== null) onBug(`Submission ${id} is gone`);
  for (const [id, { name, status }] of before.runs) {
    const now = facts.runs.get(id);
    if (!now) onBug(`Run ${name} is gone`);
    else if (isFinalRun(status) && now.status !== status)
      onBug(`Run ${name} was ${status}, and is ${now.status}`);
  }
};

/** What must hold when all is over: nothing is left behind, and every end has its cause. */
export const checkEnd = (scene: Scene, facts: Facts): void => {
  const { coordinator, hosts, users, onBug } = scene;
  for (const { name, status } of facts.runs.values())
    if (!isFinalRun(status)) onBug(`Run ${name} is still ${status}`);
  for (const run of users.runs.values())
    if (![...facts.runs.values()].some((one) => one.name === run.name)) onBug(`Run ${run.name} is not there`);
  for (const host of hosts.values()) {
    if (host.isRemoved) continue;
    for (const left of host.remains) onBug(`${host.row.name} is left with ${left}`);
    const entry = coordinator.parts.capacity.get(host.row.id);
    if (entry?.instance.status !== "idle" || entry.occupants.size > 0 || entry.instance.unreachable)
      onBug(`${host.row.name} is not free: ${entry?.instance.status}, ${entry?.occupants.size} jobs`);
  }
  for (const submission of facts.submissions) {
    const problem = whyWrong(scene, facts, submission);
    if (problem !== undefined)
      onBug(`${submission.id} (${facts.runs.get(submission.run)?.name}) ${submission.status}: ${problem}`);
    const { id, reason, logBytes } = submission;
    const length = coordinator.logs.get(id)?.length ?? 0;
    if (!submission.isLogComplete)
      onBug(`The output of ${id} (${reason}) never became complete: ${length} of ${logBytes} bytes are held`);
  }
};

/** Why a submission should not have ended as it did. */
const whyWrong = (
  { ledger, users }: Scene,
  { runs, submissions }: Facts,
  { id, run, status, reason, message, exitStatus }: SubmissionFacts,
): string | undefined => {
  if (!FINAL_JOB_STATUSES.includes(status)) return "it has not ended";
  const execution = ledger.find(id);
  const owner = runs.get(run);
  const wanted = users.runs.get(owner?.name ?? "");
  const said = `${reason} "${message}"`;
  switch (reason) {
    case "done_by_runner":
      return execution?.end?.exitStatus === 0
        ? undefined
        : `its command ended with ${execution?.end?.exitStatus}`;
    case "container_exited_with_error":
      if (execution?.end?.exitStatus === exitStatus) return undefined;
      return `its command ended with ${execution?.end?.exitStatus}, not ${exitStatus}`;
    case "terminated_by_user":
      return wanted?.stop === "no" ? "nobody stopped it" : undefined;
    case "aborted_by_user":
      return wanted?.stop === "abort" ? undefined : "nobody aborted it";
    case "max_duration_exceeded":
      return wanted?.configuration["max_duration"] ? undefined : "it had no longest duration";
    case "creating_container_error":
      return ledger.hasFailedToStart(id) ? undefined : said;
    case "failed_to_start_due_to_no_capacity":
      return undefined;
    case "instance_unreachable": {
      const isLast = submissions.filter((one) => one.run === run).at(-1)?.id === id;
      return isLast && wanted?.stop === "no" && owner?.status !== "failed" ? said : undefined;
    }
    case "terminated_by_server":
      // Another job of the run had failed.
      return submissions.some((one) => one.run === run && one.id !== id && isFailure(one.reason)) ||
        wanted?.stop !== "no"
        ? undefined
        : "nothing of its run had failed";
    default:
      return said;
  }
};

const isFailure = (reason: string | null): boolean =>
  reason !== "done_by_runner" && reason !== "terminated_by_server";
