import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { z } from "zod";
import { uptimeMs } from "../../hostClock.ts";
import { bootId } from "../process/procfs.ts";

/** A stop that has begun, as the agent's next process finds it. */
export interface StopNote {
  killInMs: number;
  /** Undefined: nothing is to be typed. `due`: it was about to be typed, and may have been. */
  interrupt?: "due" | "typed" | undefined;
  /** How much of the job's output was there before it was. */
  spoolBytes: number;
}

const Stored = z.object({
  boot_id: z.string(),
  kill_at_uptime_ms: z.number(),
  interrupt: z.enum(["due", "typed"]).optional(),
  spool_bytes: z.number(),
});

/** Undefined where there is none, a crash has left half of one, or it is of before the host was started. */
export const findStopNote = (path: string): StopNote | undefined => {
  const stored = Stored.safeParse(read(path));
  if (!stored.success || stored.data.boot_id !== bootId()) return undefined;
  const { kill_at_uptime_ms: killAt, interrupt, spool_bytes: spoolBytes } = stored.data;
  return { killInMs: Math.max(0, killAt - uptimeMs()), interrupt, spoolBytes };
};

const read = (path: string): unknown => {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (err) {
    if (err instanceof SyntaxError || (err as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw err;
  }
};

export const writeStopNote = (path: string, { killInMs, interrupt, spoolBytes }: StopNote): void => {
  const stored: z.input<typeof Stored> = {
    boot_id: bootId(),
    kill_at_uptime_ms: uptimeMs() + killInMs,
    interrupt,
    spool_bytes: spoolBytes,
  };
  writeFileSync(`${path}.part`, JSON.stringify(stored), { mode: 0o600 });
  renameSync(`${path}.part`, path);
};
