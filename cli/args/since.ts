import { toWireTime, type WireTime } from "../../shared/api/scalars.ts";
import { AppError } from "../../shared/errors.ts";
import { parseDuration } from "../../shared/resources/duration.ts";
import { Refusal } from "../../shared/schema/refusal.ts";

const DATE = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?/;
const OFFSET = /(?:[Zz]|[+-]\d\d:?\d\d)$/;

/** `300`, `5m`, `2h`, or RFC 3339 with an offset (docs/spec/cli.md §3.7), as the time meant. */
export const parseSince = (given: string, nowMs: number): WireTime => {
  if (DATE.test(given)) {
    if (!OFFSET.test(given)) {
      throw new AppError("invalid", "Timestamp is not offset-aware. Specify timezone.");
    }
    const ms = Date.parse(given);
    if (!Number.isNaN(ms)) return toWireTime(ms);
  } else {
    const seconds = secondsOf(given);
    if (seconds !== undefined && seconds >= 0) return toWireTime(nowMs - seconds * 1000);
  }
  throw new AppError("invalid", `Invalid datetime format: ${given}`, {
    hint: "Use seconds, a duration like 5m or 2h, or a time like 2026-01-31T09:30:00Z",
  });
};

const secondsOf = (given: string): number | undefined => {
  try {
    return parseDuration(given);
  } catch (err) {
    if (err instanceof Refusal) return undefined;
    throw err;
  }
};
