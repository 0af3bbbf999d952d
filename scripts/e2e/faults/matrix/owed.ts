import type { Run } from "../../../../shared/api/runs.ts";
import type { FaultName } from "./faults.ts";
import type { Judgement } from "./judgeLog.ts";
import { EXIT_OF_STOPPED, type MomentName } from "./moments.ts";

/** How a job may have ended: all of it, or it is a fault of ours. */
export interface Ending {
  status: Run["status"];
  exitStatus: readonly (number | null)[];
  reason: string;
  logs: readonly Judgement[];
  /** What its message must say. */
  says?: string;
}

const DONE: Ending = { status: "done", exitStatus: [0], reason: "done_by_runner", logs: ["whole"] };
/** It tidied up within its grace, and all that it said is there. */
const STOPPED: Ending = {
  status: "terminated",
  exitStatus: [EXIT_OF_STOPPED],
  reason: "terminated_by_user",
  logs: ["whole"],
};
/** Processes that a reboot kills leave no exit status; an engine that comes up again gives theirs as 255. */
const KILLED_BY_REBOOT = [null, 255];
const LOST: Ending = {
  status: "failed",
  exitStatus: KILLED_BY_REBOOT,
  reason: "instance_unreachable",
  logs: ["cut"],
};

/** Its engine asked it to end in the instant before its shell was one that does not listen to that. */
const ENDED_BY_ENGINE: Ending = {
  status: "failed",
  exitStatus: [143],
  reason: "container_exited_with_error",
  logs: ["empty"],
  says: "The Docker engine was restarted while the job ran",
};

/**
 * What users are owed: a fault changes nothing about a job, but for a reboot, which ends what runs, and an engine that
 * goes without having its containers outlive it. That is said, and nothing that was printed before is lost.
 */
export const endingsOwed = (fault: FaultName, moment: MomentName): readonly Ending[] => {
  // An engine gives its containers ten seconds, in which these jobs come to their own end.
  if (fault === "Docker restart" && moment === "starting") return [DONE, ENDED_BY_ENGINE];
  if (fault !== "host reboot") return [moment === "stopping" ? STOPPED : DONE];
  switch (moment) {
    // It has not begun, so that nothing ended: it begins when the host is there again.
    case "pulling":
      return [DONE];
    // Whether it had begun is a matter of milliseconds.
    case "starting":
      return [DONE, { ...LOST, logs: ["empty", "cut"] }];
    case "running, with much output":
      return [LOST];
    case "stopping":
      return [{ ...STOPPED, exitStatus: KILLED_BY_REBOOT, logs: ["cut", "whole"] }];
  }
};
