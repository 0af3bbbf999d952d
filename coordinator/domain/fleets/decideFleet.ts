import type { InstanceReason, InstanceStatus } from "../../../shared/states.ts";

/** One live instance, as far as the fleet's policy is concerned with it. */
export interface FleetInstance {
  id: string;
  num: number;
  status: Exclude<InstanceStatus, "terminated">;
  /** A backend made it; hosts that joined by themselves are never ended by a policy. */
  isMade: boolean;
  /** It was made for one job. */
  isForJob: boolean;
  /** Some job is there, or about to come. */
  hasJobs: boolean;
  /** Some output of a job that is over is there, and not here. */
  hasOutput: boolean;
  idleSince: number | null;
  /** In milliseconds; null: it is kept however long it has no job. */
  idleDurationMs: number | null;
  /** It is such as the fleet's specification asks for now. */
  fits: boolean;
}

export interface FleetState {
  status: "active" | "terminating";
  /** Null: hosts join it by themselves, and nothing is made. */
  nodes: { min: number; max: number | null } | null;
  /** Is there a backend that could make instances? */
  canMake: boolean;
  isCluster: boolean;
  masterId: string | null;
  attempts: number;
  nextAttemptAt: number | null;
  instances: readonly FleetInstance[];
}

export type FleetMove =
  | { do: "make"; count: number }
  | { do: "end"; id: string; reason: InstanceReason }
  | { do: "count"; attempts: number; nextAttemptAt: number | null }
  | { do: "elect"; id: string | null }
  /** Nothing is left of a fleet that was to go. */
  | { do: "finish" };

export interface FleetDecision {
  moves: FleetMove[];
  /** When it is to be looked at again even if nothing happens. */
  wakeAt: number | null;
}

const MINUTE_MS = 60_000;

/** Between tries to make up for missing instances; the last one repeats (docs/spec/lifecycle.md §1.6). */
export const ATTEMPT_DELAYS_MS = [1, 2, 5, 10, 30].map((minutes) => minutes * MINUTE_MS);

const LONGEST_DELAY_MS = Math.max(...ATTEMPT_DELAYS_MS);

/** How long an instance without a job is kept for the output of its last one. */
export const OUTPUT_MS = 20 * MINUTE_MS;

/** Then it waits until the fleet is changed. */
export const MOST_ATTEMPTS = 15;

/**
 * What a fleet's policy wants at the moment (docs/spec/lifecycle.md §1.6, §2.4): instances that do not belong there or
 * have been idle for too long go, missing ones are made, a cluster has a master.
 */
export const decideFleet = (fleet: FleetState, now: number): FleetDecision => {
  if (fleet.status === "terminating") return decideTerminating(fleet);
  if (!fleet.nodes) return { moves: [], wakeAt: null };
  const { min, max } = fleet.nodes;
  const ended = new Map<string, InstanceReason>();
  const left = () => fleet.instances.filter((one) => one.status !== "terminating" && !ended.has(one.id));
  const sendingUntil = ({ hasOutput, idleSince }: FleetInstance): number =>
    hasOutput && idleSince !== null ? idleSince + OUTPUT_MS : now;
  const endable = () => left().filter((one) => one.isMade && !one.hasJobs && sendingUntil(one) <= now);

  // Its job is over before it has come.
  for (const one of endable())
    if (one.isForJob && (one.status === "pending" || one.status === "provisioning"))
      ended.set(one.id, "job_finished");
  for (const one of endable()) if (!one.fits) ended.set(one.id, "fleet_spec_mismatch");
  const surplus = max === null ? 0 : left().length - max;
  const idle = endable().filter((one) => one.status === "idle");
  for (const one of idle.sort((a, b) => b.num - a.num).slice(0, Math.max(0, surplus)))
    ended.set(one.id, "max_instances_limit");

  const waiting = endable()
    .map((one) => ({ one, at: idleUntil(one) }))
    .filter(({ at }) => at !== null)
    .sort((a, b) => (a.at ?? 0) - (b.at ?? 0));
  let idleAt: number | null = null;
  for (const { one, at } of waiting) {
    if (left().length <= min || at === null) break;
    if (at > now) {
      idleAt = at;
      break;
    }
    ended.set(one.id, "idle_timeout");
  }

  const moves: FleetMove[] = [...ended].map(([id, reason]) => ({ do: "end", id, reason }));
  const filled = fill(fleet, min - left().length, now);
  moves.push(...filled.moves, ...elect(fleet, left()));
  const sending = left()
    .map(sendingUntil)
    .filter((at) => at > now);
  const moments = [idleAt, filled.wakeAt, ...sending].filter((at) => at !== null);
  return { moves, wakeAt: moments.length > 0 ? Math.min(...moments) : null };
};

const idleUntil = ({ status, idleSince, idleDurationMs }: FleetInstance): number | null =>
  status !== "idle" || idleSince === null || idleDurationMs === null ? null : idleSince + idleDurationMs;

/** Makes up for what is missing, ever more seldom while that does not help. */
const fill = (fleet: FleetState, missing: number, now: number): FleetDecision => {
  const { attempts, nextAttemptAt } = fleet;
  if (missing <= 0) {
    const up = fleet.instances.filter(({ status }) => status === "idle" || status === "busy").length;
    const isWhole = up >= (fleet.nodes?.min ?? 0);
    const isReset = attempts === 0 && nextAttemptAt === null;
    return {
      moves: isWhole && !isReset ? [{ do: "count", attempts: 0, nextAttemptAt: null }] : [],
      wakeAt: null,
    };
  }
  if (!fleet.canMake || attempts >= MOST_ATTEMPTS) return { moves: [], wakeAt: null };
  // Later than it can be, if the clock was put back.
  const isAhead = nextAttemptAt !== null && nextAttemptAt > now && nextAttemptAt <= now + LONGEST_DELAY_MS;
  if (isAhead) return { moves: [], wakeAt: nextAttemptAt };
  const delay = ATTEMPT_DELAYS_MS[Math.min(attempts, ATTEMPT_DELAYS_MS.length - 1)] ?? 0;
  return {
    moves: [
      { do: "make", count: missing },
      { do: "count", attempts: attempts + 1, nextAttemptAt: now + delay },
    ],
    wakeAt: null,
  };
};

/** The master stays while it is alive; else somebody who is there takes over, else who will be made first. */
const elect = ({ isCluster, masterId }: FleetState, left: readonly FleetInstance[]): FleetMove[] => {
  const candidates = left.filter((one) => one.isMade).sort((a, b) => a.num - b.num);
  if (!isCluster || candidates.some(({ id }) => id === masterId)) return [];
  const next = candidates.find(({ status }) => status !== "pending") ?? candidates[0];
  return (next?.id ?? null) === masterId ? [] : [{ do: "elect", id: next?.id ?? null }];
};

const decideTerminating = ({ instances }: FleetState): FleetDecision => {
  const moves: FleetMove[] = instances
    .filter(({ status }) => status !== "terminating")
    .map(({ id }) => ({ do: "end", id, reason: "terminated_by_user" }));
  return { moves: instances.length === 0 ? [{ do: "finish" }] : moves, wakeAt: null };
};
