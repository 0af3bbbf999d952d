import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { z } from "zod";
import { uptimeMs } from "../../hostClock.ts";
import { bootId } from "../process/procfs.ts";

/** A stop that has begun, as the agent's next process finds it. */
export interface StopNote {
  killInMs: number;
  /** The interrupt was typed: many programs take a second one as the word not to tidy up any more. */
  isInterrupted: boolean;
}

const Stored = z.object({ boot_id: z.string(), kill_at_uptime_ms: z.number(), is_interrupted: z.boolean() });

/** Undefined where there is none, a crash has left half of one, or it is of before the host was started. */
export const findStopNote = (path: string): StopNote | undefined => {
  const stored = Stored.safeParse(read(path));
  if (!stored.success || stored.data.boot_id !== bootId()) return undefined;
  const { kill_at_uptime_ms: killAt, is_interrupted: isInterrupted } = stored.data;
  return { killInMs: Math.max(0, killAt - uptimeMs()), isInterrupted };
};

const read = (path: string): unknown => {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (err) {
    if (err instanceof SyntaxError || (err as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw err;
  }
};

export const writeStopNote = (path: string, { killInMs, isInterrupted }: StopNote): void => {
  const stored: z.input<typeof Stored> = {
    boot_id: bootId(),
    kill_at_uptime_ms: uptimeMs() + killInMs,
    is_interrupted: isInterrupted,
  };
  writeFileSync(`${path}.part`, JSON.stringify(stored), { mode: 0o600 });
  renameSync(`${path}.part`, path);
};
