import type { Run } from "../../../shared/api/runs.ts";
import { isFinalRun } from "../../../shared/states.ts";
import type { Deps } from "../../deps.ts";
import { findRun } from "../../store/runs.ts";
import { createAlarm } from "./alarm.ts";
import { type RunViewOptions, viewRun } from "./viewRun.ts";

/** So often something is said even if nothing happens, for clients and proxies to know that the connection lives. */
const HEARTBEAT_MS = 15_000;

interface WatchOptions {
  runId: string;
  connections: NonNullable<RunViewOptions["connections"]>;
  signal: AbortSignal;
}

/** The run as it is, and again after every change until it is final; undefined: nothing happened for a while. */
export async function* watchRun(
  deps: Deps,
  { runId, connections, signal }: WatchOptions,
): AsyncGenerator<Run | undefined, void> {
  const alarm = createAlarm();
  let hasChanged = true;
  const stopListening = deps.engine.onRunChange(runId, () => {
    hasChanged = true;
    alarm.ring();
  });
  try {
    while (!signal.aborted) {
      if (hasChanged) {
        hasChanged = false;
        const row = await findRun(deps.db, runId);
        if (!row) return;
        yield await viewRun(deps, row, { connections });
        if (isFinalRun(row.status)) return;
        continue;
      }
      const cancel = deps.clock.after(HEARTBEAT_MS, alarm.ring);
      await alarm.wait(signal);
      cancel();
      if (!hasChanged && !signal.aborted) yield undefined;
    }
  } finally {
    stopListening();
  }
}
