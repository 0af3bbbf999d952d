import type { StreamLogsRequest } from "../../shared/api/logs.ts";
import type { WireTime } from "../../shared/api/scalars.ts";

/** Where to begin in what there is: after a time, and with the last so many lines. */
export interface LogBegin {
  readonly startTime?: WireTime | undefined;
  readonly tail?: number | undefined;
}

/** Where an answer is to begin: where the last one was cut off or, the first time, where it was wished for. */
export const placeOf = (
  offset: number | undefined,
  { startTime, tail }: LogBegin,
): Pick<StreamLogsRequest, "offset" | "start_time" | "tail_lines"> =>
  offset === undefined
    ? { offset: 0, start_time: startTime ?? null, tail_lines: tail ?? null }
    : { offset, start_time: null, tail_lines: null };
