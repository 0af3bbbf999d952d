import { STOP_GRACE_MS } from "../../coordinator/engine/engineDeps.ts";
import { isFinalJob, isFinalRun } from "../../shared/states.ts";
import type { Facts, SubmissionFacts } from "./facts.ts";
import { checkDue, checkQueue } from "./liveness.ts";
import type { Scene } from "./scene.ts";
import type { WantedRun } from "./users.ts";

/** What must hold at every moment; `before`: the facts of the last look. */
export const checkAlways = (scene: Scene, facts: Facts, before: Facts | undefined): void => {
  const { onBug } = scene;
  checkJobs(facts, onBug);
  checkHosts(scene, facts);
  checkLogs(scene, facts);
  checkRemembered(scene, facts);
  checkStartupOrder(scene, facts);
  checkFleets(scene, facts);
  checkQueue(scene, facts);
  checkDue(scene, facts);
  if (before) checkMoves(scene, facts, before);
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
  for (const { id, status } of facts.instances.values()) {
    const present = occupants.get(id) ?? [];
    const count = present.length;
    const oversold = whyOversold(present);
    if (oversold !== undefined) onBug(`Instance ${id} with ${count} jobs ${oversold}`);
    // One that is made for a job has it from the beginning, and may be ended with it.
    const isThere = status === "idle" || status === "busy";
    if (isThere && (status === "busy") !== count > 0) onBug(`Instance ${id} is ${status} with ${count} jobs`);
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
  for (const { id, instance, logBytes, isLogComplete } of facts.submissions) {
    if (ledger.isOfTwins(instance)) continue;
    const held = coordinator.logs.get(id);
    const written = ledger.find(id)?.output;
    if (held && (!written || Buffer.compare(held, written.subarray(0, held.length)) !== 0))
      onBug(`The output held of ${id} is not what it printed`);
    if (isLogComplete && logBytes !== null && (held?.length ?? 0) < (written?.length ?? 0))
      onBug(`The output of ${id} counts as complete with ${held?.length ?? 0} of ${written?.length} bytes`);
  }
};

const checkMoves = ({ onBug, users }: Scene, facts: Facts, before: Facts): void => {
  const earlier = new Map(before.submissions.map((one) => [one.id, one]));
  for (const now of facts.submissions) {
    const then = earlier.get(now.id);
    earlier.delete(now.id);
    if (then && isFinalJob(then.status) && then.status !== now.status)
      onBug(`${now.id} was ${then.status}, and is ${now.status}`);
    if (then?.instance && then.instance !== now.instance) onBug(`${now.id} went to another host`);
    const host = before.isQuiet && !then?.instance ? before.instances.get(now.instance ?? "") : undefined;
    if (host?.isCordoned && facts.instances.get(host.id)?.isCordoned)
      onBug(`${now.id} went to ${host.name}, which is cordoned`);
    if (host?.status === "terminated") onBug(`${now.id} went to ${host.name}, which is gone`);
    const isStopped = then?.status === "running" && now.status === "terminating";
    const wanted = users.runs.get(facts.runs.get(now.run)?.name ?? "");
    if (isStopped && wanted && now.reason === "terminated_by_user" && now.graceMs !== graceOf(wanted))
      onBug(`${now.id} has ${now.graceMs} ms to end by itself, not ${graceOf(wanted)}`);
  }
  // An attempt that never found a host goes when there is a later one.
  for (const { id, instance } of earlier.values()) if (instance !== null) onBug(`Submission ${id} is gone`);
  for (const [id, then] of before.runs) {
    const { name, status, dueAt } = then;
    const now = facts.runs.get(id);
    if (!now) onBug(`Run ${name} is gone`);
    else if (isFinalRun(status) && now.status !== status)
      onBug(`Run ${name} was ${status}, and is ${now.status}`);
    else if (dueAt !== null && now.begunAt !== null && now.begunAt !== then.begunAt && now.begunAt < dueAt)
      onBug(`Run ${name} has begun ${dueAt - now.begunAt} ms before its schedule says`);
    else if (
      isFinalRun(now.status) &&
      users.runs.get(name)?.stop === "no" &&
      users.runs.get(name)?.plan.isScheduled
    )
      onBug(`Run ${name} has a schedule, and is ${now.status}`);
  }
};

const graceOf = ({ plan }: WantedRun): number =>
  plan.stopDuration === undefined ? STOP_GRACE_MS : plan.stopDuration * 1000;

/** No node begins before those that are to be there first have. */
const checkStartupOrder = ({ ledger, users, onBug }: Scene, { submissions, runs }: Facts): void => {
  for (const { id, run, num, jobNum } of submissions) {
    const order = users.runs.get(runs.get(run)?.name ?? "")?.plan.startupOrder;
    const execution = order && ledger.find(id);
    if (!execution || (jobNum === 0) === (order === "master-first")) continue;
    const first = submissions.filter(
      (other) =>
        other.run === run && other.num === num && (other.jobNum === 0) === (order === "master-first"),
    );
    for (const other of first.filter((one) => !ledger.isOfTwins(one.instance)))
      if ((ledger.find(other.id)?.order ?? Number.POSITIVE_INFINITY) > execution.order)
        onBug(`${id} began before ${other.id}, which is to be first`);
  }
};

/** A fleet has no more instances than it may, and its cloud none that nobody knows. */
const checkFleets = ({ cloud, onBug }: Scene, { instances }: Facts): void => {
  if (!cloud) return;
  const live = [...instances.values()].filter(
    ({ fleet, status }) => fleet === cloud.fleetId && status !== "terminating" && status !== "terminated",
  );
  if (live.length > cloud.most) onBug(`A fleet of at most ${cloud.most} has ${live.length} instances`);
  for (const id of cloud.machines) {
    const status = instances.get(id)?.status;
    if (status === undefined || status === "terminated")
      onBug(`The cloud has a machine of instance ${id}, which is ${status}`);
  }
};
