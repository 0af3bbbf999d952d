import type { InstanceReason, InstanceStatus } from "../../../shared/states.ts";

/** What happens to an instance that a backend makes. */
export type InstanceEvent =
  /** The backend has begun to make it. */
  | { kind: "accepted" }
  /** No backend has, or will give, such an instance. */
  | { kind: "no_offers"; message: string }
  /** It was to follow the master of its cluster, which could not be made. */
  | { kind: "master_failed" }
  /** Its agent has enrolled. */
  | { kind: "joined"; hasJobs: boolean }
  /** Time has passed. */
  | { kind: "looked_at" }
  /** The backend says that there is no such instance any more. */
  | { kind: "gone"; message: string }
  /** Nothing was heard from it for UNREACHABLE_MS. */
  | { kind: "silent" }
  /** It is to go: a policy or a person has said so. */
  | { kind: "end"; reason: InstanceReason }
  /** The backend has ended it, or could not. */
  | { kind: "ended" }
  | { kind: "not_ended"; message: string };

export interface MadeState {
  status: InstanceStatus;
  /** Some backend was asked for it, and may have begun. */
  isAsked: boolean;
  /** Deadline of joining, or when the end is to be tried again. */
  wakeAt: number | null;
}

export interface InstanceChange {
  to: InstanceStatus;
  reason?: InstanceReason;
  message?: string;
  wakeAt: number | null;
}

const MINUTE_MS = 60_000;

/** From the backend's acceptance to the first word of the agent (docs/spec/lifecycle.md §1.5). */
export const PROVISIONING_TIMEOUT_MS = 10 * MINUTE_MS;

/** Silent for so long, a made instance is ended; a host that joined by itself never is. */
export const UNREACHABLE_MS = 20 * MINUTE_MS;

/** Between tries to end it. */
export const END_AGAIN_MS = 30_000;

/**
 * Where an event takes a made instance; undefined: it changes nothing. What could not be ended stays `terminating` and
 * is tried again: the reference gives up after 15 minutes, and leaves it running unseen (docs/spec/lifecycle.md §9.10).
 */
export const onInstanceEvent = (
  { status, isAsked, wakeAt }: MadeState,
  event: InstanceEvent,
  now: number,
): InstanceChange | undefined => {
  const isUp = status === "idle" || status === "busy";
  const isComing = status === "pending" || status === "provisioning";
  const go = (reason: InstanceReason, message?: string): InstanceChange => ({
    // What no backend was asked for, or all have refused, needs no end.
    to: status === "pending" && (!isAsked || reason === "no_offers") ? "terminated" : "terminating",
    reason,
    ...(message === undefined ? {} : { message }),
    wakeAt: null,
  });
  switch (event.kind) {
    case "accepted":
      return status === "pending" ? { to: "provisioning", wakeAt: now + PROVISIONING_TIMEOUT_MS } : undefined;
    case "no_offers":
      return status === "pending" ? go("no_offers", event.message) : undefined;
    case "master_failed":
      return status === "pending" ? go("master_failed") : undefined;
    case "joined":
      return isComing ? { to: event.hasJobs ? "busy" : "idle", wakeAt: null } : undefined;
    case "looked_at": {
      if (wakeAt === null) return undefined;
      const isLate = status === "provisioning" && wakeAt <= now;
      if (isLate) return go("provisioning_timeout", "No agent has joined within 10 minutes");
      // Later than it can be: the clock was put back.
      const latest = now + (status === "terminating" ? END_AGAIN_MS : PROVISIONING_TIMEOUT_MS);
      return wakeAt > latest ? { to: status, wakeAt: latest } : undefined;
    }
    case "gone":
      return isUp || status === "provisioning" ? go("error", event.message) : undefined;
    case "silent":
      return isUp ? go("unreachable", "Silent for 20 minutes") : undefined;
    case "end":
      return isUp || isComing ? go(event.reason) : undefined;
    case "ended":
      return status === "terminating" ? { to: "terminated", wakeAt: null } : undefined;
    case "not_ended":
      return status === "terminating"
        ? { to: "terminating", message: event.message, wakeAt: now + END_AGAIN_MS }
        : undefined;
  }
};
