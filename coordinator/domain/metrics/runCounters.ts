import type { RunStatus } from "../../../shared/states.ts";
import type { RunRow } from "../../store/runs.ts";

/** Upper bounds in seconds, those of the reference (docs/spec/http-api.md §6). */
export const BUCKETS = [
  15, 30, 45, 60, 90, 120, 180, 240, 300, 360, 420, 480, 540, 600, 900, 1200, 1800,
] as const;

export interface RunCounts {
  projectId: string;
  runType: string;
  /** How often a run of these went back to waiting. */
  pending: number;
  /** Those that found a host: how many, how long all of them waited together, and how many within each bucket. */
  provisioned: number;
  waitedSeconds: number;
  within: number[];
}

type Moved = Pick<RunRow, "project_id" | "spec" | "submitted_at" | "status">;

/** What runs went through since this process started: Prometheus knows that counters begin anew. */
export class RunCounters {
  readonly #counts = new Map<string, RunCounts>();

  list(): readonly RunCounts[] {
    return [...this.#counts.values()];
  }

  /** The run, as it is now, was `from` a moment ago. */
  moved(run: Moved, from: RunStatus, now: number): void {
    if (run.status === "pending") this.#of(run).pending++;
    if (from !== "submitted" || run.status !== "provisioning") return;
    const counts = this.#of(run);
    const seconds = Math.max(0, now - run.submitted_at) / 1000;
    counts.provisioned++;
    counts.waitedSeconds += seconds;
    for (const [at, bound] of BUCKETS.entries())
      if (seconds <= bound) counts.within[at] = (counts.within[at] ?? 0) + 1;
  }

  #of(run: Moved): RunCounts {
    const runType = run.spec.configuration.type;
    const key = `${run.project_id}/${runType}`;
    const known = this.#counts.get(key);
    if (known) return known;
    const counts: RunCounts = {
      projectId: run.project_id,
      runType,
      pending: 0,
      provisioned: 0,
      waitedSeconds: 0,
      within: BUCKETS.map(() => 0),
    };
    this.#counts.set(key, counts);
    return counts;
  }
}
