import { FINAL_JOB_STATUSES, isFinalRun } from "../../shared/states.ts";
import type { Facts, SubmissionFacts } from "./facts.ts";
import type { Execution } from "./ledger.ts";
import type { Scene } from "./scene.ts";
import type { WantedRun } from "./users.ts";

/** What must hold when all is over: nothing is left behind, and every end has its cause. */
export const checkEnd = (scene: Scene, facts: Facts): void => {
  const { coordinator, hosts, users, clones, cloud, onBug } = scene;
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
  for (const [one, other] of clones)
    if (facts.instances.get(one.row.id)?.isCordoned !== true)
      onBug(`${one.row.name} and ${other.row.name} are one instance, and nobody has noticed`);
  for (const { name, status } of facts.instances.values())
    if (status !== "idle" && status !== "terminated") onBug(`Instance ${name} is still ${status}`);
  for (const id of cloud?.machines ?? [])
    if (facts.instances.get(id)?.status !== "idle") onBug(`The cloud is left with a machine of ${id}`);
  for (const submission of facts.submissions) {
    if (scene.ledger.isOfTwins(submission.instance)) continue;
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
  submission: SubmissionFacts,
): string | undefined => {
  const { id, run, status, reason, message, exitStatus } = submission;
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
      return wanted?.stop === "no" ? "nobody stopped it" : whyHurried(submission, execution, wanted);
    case "aborted_by_user":
      return wanted?.stop === "abort" ? undefined : "nobody aborted it";
    case "max_duration_exceeded":
      return wanted?.plan.maxDuration ? undefined : "it had no longest duration";
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
    // Its instance was never there.
    case "waiting_instance_limit_exceeded":
      return execution ? said : undefined;
    default:
      return said;
  }
};

/** The time that it has to end by itself is that which it was promised, where nothing else ended it. */
const whyHurried = (
  { graceMs, logBytes }: SubmissionFacts,
  execution: Execution | undefined,
  wanted: WantedRun | undefined,
): string | undefined => {
  if (!execution || wanted?.stop !== "stop" || logBytes === null) return undefined;
  const { retry, maxDuration, isScheduled } = wanted.plan;
  const { graces, isCutOff, isDoubtful } = execution;
  if (retry || maxDuration || isScheduled || isCutOff || isDoubtful || graces.length === 0) return undefined;
  return graces[0] === graceMs ? undefined : `it was given ${graces[0]} ms to end, not ${graceMs}`;
};

const isFailure = (reason: string | null): boolean =>
  reason !== "done_by_runner" && reason !== "terminated_by_server";
