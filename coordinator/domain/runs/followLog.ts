import { isFinalJob } from "../../../shared/states.ts";
import type { Deps } from "../../deps.ts";
import { findSubmission } from "../../store/submissions.ts";
import { type Alarm, createAlarm } from "./alarm.ts";

const CHUNK_BYTES = 256 * 1024;

/**
 * How long to wait for the rest of a finished job's output without hearing anything: its host may be cut off, and
 * nobody can say for how long.
 */
const DRAIN_MS = 30_000;

/** The same for who only wants what there is: mostly the rest is on its way when a run is seen to be over. */
const TAIL_MS = 2_000;

type FollowDeps = Pick<Deps, "db" | "clock" | "logs" | "engine">;

export interface LogWish {
  submissionId: string;
  runId: string;
  /** The first byte wanted. */
  offset: number;
  /** Go on until the output is complete, instead of ending where it ends now or, of a job that is over, soon will. */
  follow: boolean;
}

/** The bytes of a job's output as soon as they are held, in order and each once. Ends early when the signal aborts. */
export async function* followLog(
  deps: FollowDeps,
  { submissionId, runId, offset, follow }: LogWish,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  const alarm = createAlarm();
  let hasChanged = true;
  const stopListening = [
    deps.logs.onAppend(submissionId, alarm.ring),
    deps.engine.onRunChange(runId, () => {
      hasChanged = true;
      alarm.ring();
    }),
  ];
  // Where the output ends, once that is known.
  let end = Number.POSITIVE_INFINITY;
  let left: Left = "more";
  try {
    for (let at = offset; !signal.aborted; ) {
      // Asked before reading: what is read after the end was seen is everything.
      if (hasChanged) {
        hasChanged = false;
        ({ left, end } = await whatIsLeft(deps, submissionId));
      }
      const bytes = await deps.logs.read(submissionId, at, CHUNK_BYTES);
      at += bytes.length;
      if (bytes.length > 0) yield bytes;
      else if (left === "nothing" || at >= end || (!follow && left === "more")) return;
      else if (left === "more") await alarm.wait(signal);
      else if (!(await hasRungWithin(deps, alarm, { ms: follow ? DRAIN_MS : TAIL_MS, signal }))) return;
    }
  } finally {
    for (const stop of stopListening) stop();
  }
}

/** `tail`: the job has ended, but its host has not sent all of the output yet. */
type Left = "more" | "tail" | "nothing";

const whatIsLeft = async ({ db }: FollowDeps, submissionId: string): Promise<{ left: Left; end: number }> => {
  const submission = await findSubmission(db, submissionId);
  const end = submission?.log_bytes ?? Number.POSITIVE_INFINITY;
  if (!submission || submission.log_complete) return { left: "nothing", end };
  return { left: isFinalJob(submission.status) ? "tail" : "more", end };
};

const hasRungWithin = async (
  { clock }: FollowDeps,
  alarm: Alarm,
  { ms, signal }: { ms: number; signal: AbortSignal },
): Promise<boolean> => {
  let isOver = false;
  const cancel = clock.after(ms, () => {
    isOver = true;
    alarm.ring();
  });
  await alarm.wait(signal);
  cancel();
  return !isOver;
};
