import { type RunReason, type RunStatus, runSources } from "../../../shared/states.ts";
import type { NewEvent } from "../../store/events.ts";
import type { RunRow } from "../../store/runs.ts";
import { statusChanged } from "./statusText.ts";
import { aboutRun, type TellableRun } from "./subjects.ts";

export const runSubmitted = (run: TellableRun & { status: RunStatus }, actorId: string): NewEvent => ({
  message: `Run submitted. Status: ${run.status.toUpperCase()}`,
  actorId,
  targets: [aboutRun(run)],
});

/** `run` as it is from now on; fields are those of its specification, such as `configuration.priority`. */
export const runUpdated = (
  run: TellableRun & Pick<RunRow, "deployment_num">,
  fields: readonly string[],
  actorId: string,
): NewEvent => ({
  message: `Run updated. Deployment: ${run.deployment_num}. Changed fields: ${fields.join(", ") || "none"}`,
  actorId,
  targets: [aboutRun(run)],
});

export const runDeleted = (run: TellableRun, actorId: string): NewEvent => ({
  message: "Run deleted",
  actorId,
  targets: [aboutRun(run)],
});

/** What `moveRun` does to a run that is as it was read; nothing, where its guard will refuse. */
export const runMoved = (
  run: TellableRun & Pick<RunRow, "status">,
  to: RunStatus,
  { reason, actorId }: { reason?: RunReason | null | undefined; actorId?: string | undefined } = {},
): NewEvent[] => {
  const { status: from } = run;
  if (!runSources(to).includes(from)) return [];
  return [{ message: statusChanged("Run", { from, to, reason }), actorId, targets: [aboutRun(run)] }];
};

/** A user ends what was ending already, for another reason from now on; its status stays. */
export const runEndedAnew = (
  run: TellableRun,
  { from, to, actorId }: { from: RunReason; to: RunReason; actorId?: string | undefined },
): NewEvent => ({
  message: `Run termination reason changed ${from.toUpperCase()} -> ${to.toUpperCase()}`,
  actorId,
  targets: [aboutRun(run)],
});
