import { nextCronTime } from "../../../shared/config/cron.ts";
import { mergeProfile } from "../../../shared/config/profile.ts";
import type { NewRunRow } from "../../store/runs.ts";

/** The row of a run that is submitted now; one with a schedule waits for it first, without jobs. */
export const newRunRow = (
  run: Pick<NewRunRow, "id" | "project_id" | "user_id" | "name" | "spec">,
  now: number,
): NewRunRow => {
  const { configuration, profile } = run.spec;
  const { schedule } = mergeProfile(profile, configuration);
  return {
    ...run,
    status: schedule ? "pending" : "submitted",
    priority: configuration.priority ?? 0,
    submitted_at: now,
    last_processed_at: now,
    next_triggered_at: schedule ? (nextCronTime(schedule.cron, now) ?? null) : null,
  };
};
