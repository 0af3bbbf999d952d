import type { Output } from "../context.ts";

const NEWLINE = 0x0a;

export interface LineTracker extends Output {
  /** Ends the line that was begun, if there is one: what comes next is ours, not the job's. */
  endLine(): void;
}

/** The same output, with a memory of whether the last thing written ended its line. */
export const trackLines = (out: Output): LineTracker => {
  let isAtStart = true;
  return {
    isTerminal: out.isTerminal,
    hasColour: out.hasColour,
    get columns() {
      return out.columns;
    },
    get rows() {
      return out.rows;
    },
    write: (data) => {
      if (data.length === 0) return;
      isAtStart = typeof data === "string" ? data.endsWith("\n") : data.at(-1) === NEWLINE;
      out.write(data);
    },
    endLine: () => {
      if (!isAtStart) out.write("\n");
      isAtStart = true;
    },
  };
};
