import type { JobSpec } from "../../shared/api/jobs.ts";
import type { Clock } from "../../shared/clock.ts";
import type { Logger } from "../../shared/log.ts";
import type { JobNetworkMode } from "../domain/instances/networkMode.ts";
import type { RunCounters } from "../domain/metrics/runCounters.ts";
import type { LogStore } from "../logs/logStore.ts";
import type { Db } from "../store/db.ts";
import type { TellEvents } from "../store/events.ts";
import type { RunRow } from "../store/runs.ts";
import type { SubmissionRow } from "../store/submissions.ts";
import type { AgentSessions } from "./agentSessions.ts";
import type { Capacity } from "./capacity.ts";
import type { Idleness } from "./idleness.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Waits } from "./waits.ts";

/** What the engine's parts work with. */
export interface EngineDeps {
  db: Db;
  tell: TellEvents;
  clock: Clock;
  log: Logger;
  logs: LogStore;
  agents: AgentSessions;
  capacity: Capacity;
  scheduler: Scheduler;
  jobNetworkMode: JobNetworkMode;
  waits: Waits;
  idleness: Idleness;
  /** Has instances made for jobs of one replica, which have no host; false: there is no way. */
  makeFor: (run: RunRow, submissions: readonly SubmissionRow[]) => Promise<boolean>;
  /** Could that be otherwise than it was the last time? */
  mayMakeFor: (run: RunRow) => boolean;
  patience: Patience;
  /** Something has changed that the policy of a fleet may care about. */
  wakeFleet: (fleetId: string) => void;
  counters: RunCounters;
  /** The jobs of a run's first replica, made anew from its spec as it is now. */
  jobSpecs: (run: Pick<RunRow, "name" | "spec">) => JobSpec[];
}

/** Unconfirmed for this long, an agent ends a job that it was given (shared/protocol/assignment.ts). */
export const CLAIM_LEASE_MS = 20_000;

/** An unconfirmed job is given out no later than this after it was placed: its agent has the lease from then on. */
export const CLAIM_GIVEN_MS = 20_000;

/** When the coordinator gives an unconfirmed job to another: later than any agent could still run it. */
export const CLAIM_TIMEOUT_MS = CLAIM_GIVEN_MS + CLAIM_LEASE_MS + 5_000;

/** Interrupt to kill, for a job that a user stops (docs/spec/lifecycle.md §3.4). */
export const STOP_GRACE_MS = 10_000;

/** What `stop_duration: off` comes to. Of more than 2^31 ms, 24.8 days, the timers of older agents would make none. */
export const LONGEST_GRACE_MS = 24 * 24 * 3_600_000;

/** How long past the kill a host may take to say that the job has ended; then it is taken as ended. */
export const STOP_MARGIN_MS = 20_000;

/** How long a host may be silent (docs/spec/lifecycle.md §3.7), and what follows from it; all in milliseconds. */
export interface Patience {
  /** How long an agent is asked to wait in its poll. */
  syncWaitMs: number;
  /** How long an agent counts as there without another word. */
  leaseTtlMs: number;
  /** Cut off for this long, an agent ends the jobs that would be given to another. */
  silenceMs: number;
  /** When the coordinator gives such a job to another: later than its agent could still run it. */
  lostAfterMs: number;
}

export const patienceOf = (silenceMs: number): Patience => ({
  syncWaitMs: Math.min(45_000, silenceMs * 0.375),
  leaseTtlMs: silenceMs * 0.75,
  silenceMs,
  lostAfterMs: silenceMs * 1.25,
});

export const DEFAULT_SILENCE_MS = 120_000;
