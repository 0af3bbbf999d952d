import type { LogEvent } from "../../shared/api/logs.ts";
import type { Output } from "../context.ts";

/** How the output of a job is shown, apart from where it begins. */
export interface LogShape {
  /** The time before each line. */
  readonly timestamps?: boolean;
  /** Only so many lines of what there is at first. */
  readonly tail?: number | undefined;
}

/** Prints events of a log, as bytes, whatever lines they begin and end in. */
export interface Printer {
  print(events: readonly LogEvent[]): void;
  /** What there was is read: the last lines are printed, and from now on everything. */
  caughtUp(): void;
}

const NEWLINE = 10;

export const createPrinter = (out: Output, { timestamps = false, tail }: LogShape = {}): Printer => {
  const encoder = new TextEncoder();
  let isAtStart = true;
  /** Lines, each in pieces, that may be among the last ones; undefined: everything is printed at once. */
  let held: Uint8Array[][] | undefined = tail === undefined ? undefined : [];

  const put = (bytes: Uint8Array): void => {
    if (!held) {
      out.write(bytes);
      return;
    }
    if (isAtStart || held.length === 0) held.push([bytes]);
    else held.at(-1)?.push(bytes);
    if (held.length > (tail ?? 0)) held.shift();
  };
  const putLine = (line: Uint8Array, timestamp: string): void => {
    const stamp = timestamps && isAtStart ? encoder.encode(`${timestamp} `) : undefined;
    put(stamp ? Buffer.concat([stamp, line]) : line);
    isAtStart = line.at(-1) === NEWLINE;
  };
  const print = ({ message, timestamp }: LogEvent): void => {
    const bytes = Buffer.from(message, "base64");
    // Nobody looks at lines: a copy less for each.
    if (!timestamps && !held) {
      out.write(bytes);
      return;
    }
    for (let at = 0; at < bytes.length; ) {
      const end = bytes.indexOf(NEWLINE, at);
      const next = end < 0 ? bytes.length : end + 1;
      putLine(bytes.subarray(at, next), timestamp);
      at = next;
    }
  };
  return {
    print: (events) => {
      for (const event of events) print(event);
    },
    caughtUp: () => {
      const lines = held ?? [];
      held = undefined;
      for (const piece of lines.flat()) out.write(piece);
    },
  };
};
