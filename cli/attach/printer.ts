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

/** So many pieces of lines are written at once: a write for each costs more than all the rest. */
const BATCH = 1000;

export const createPrinter = (out: Output, { timestamps = false, tail }: LogShape = {}): Printer => {
  let isAtStart = true;
  /** Lines, each in pieces, that may be among the last ones; undefined: everything is printed at once. */
  let held: Uint8Array[][] | undefined = tail === undefined ? undefined : [];

  const hold = (lines: Uint8Array[][], bytes: Uint8Array): void => {
    for (let at = 0; at < bytes.length; ) {
      const end = bytes.indexOf(NEWLINE, at);
      const next = end < 0 ? bytes.length : end + 1;
      const piece = bytes.subarray(at, next);
      if (at > 0 || isAtStart || lines.length === 0) lines.push([piece]);
      else lines.at(-1)?.push(piece);
      at = next;
    }
    // Not one by one: all that is left would be moved each time.
    const surplus = lines.length - (tail ?? 0);
    if (surplus > (tail ?? 0) + BATCH) lines.splice(0, surplus);
  };
  const print = ({ message, timestamp }: LogEvent): void => {
    const bytes = Buffer.from(message, "base64");
    if (bytes.length === 0) return;
    const shown = timestamps ? stamped(bytes, `${timestamp} `, isAtStart) : bytes;
    if (held) hold(held, shown);
    else out.write(shown);
    isAtStart = bytes.at(-1) === NEWLINE;
  };
  return {
    print: (events) => {
      for (const event of events) print(event);
    },
    caughtUp: () => {
      const lines = held ?? [];
      const pieces = lines.slice(Math.max(0, lines.length - (tail ?? 0))).flat();
      held = undefined;
      for (let at = 0; at < pieces.length; at += BATCH)
        out.write(Buffer.concat(pieces.slice(at, at + BATCH)));
    },
  };
};

/** The stamp before each line that begins in the bytes, which are of one moment. */
const stamped = (bytes: Buffer, stamp: string, isAtStart: boolean): Uint8Array => {
  // A character for each byte: the bytes of a text need not be whole characters.
  const text = bytes.toString("latin1");
  const inside = text.slice(0, -1).replaceAll("\n", `\n${stamp}`);
  return Buffer.from(`${isAtStart ? stamp : ""}${inside}${text.at(-1) ?? ""}`, "latin1");
};
