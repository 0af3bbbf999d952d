import type { SubmissionRow } from "../../store/submissions.ts";

const HOUR_MS = 3_600_000;

type Billed = Pick<SubmissionRow, "provisioning_data" | "submitted_at" | "finished_at">;

/** US dollars: what every attempt that had an instance cost since it was submitted, to 4 digits. */
export const costOf = (submissions: readonly Billed[], now: number): number => {
  const cost = submissions.reduce((sum, { provisioning_data: placed, submitted_at, finished_at }) => {
    const hours = ((finished_at ?? now) - submitted_at) / HOUR_MS;
    return sum + (placed?.price ?? 0) * Math.max(0, hours);
  }, 0);
  return Math.round(cost * 10_000) / 10_000;
};
