/** More of a message that came from elsewhere is not told. */
const MOST_CHARS = 500;

/** Events are one line without a dot at its end (docs/spec/lifecycle.md §7.3). */
export const oneLine = (text: string): string => {
  const line = text.replaceAll(/\s+/g, " ").trim();
  return (line.length > MOST_CHARS ? `${line.slice(0, MOST_CHARS)}…` : line).replace(/\.+$/, "");
};

/** `reason` and `message` are told where the end begins, and there alone; that may be its end, too. */
export interface StatusChange<S extends string> {
  from: S;
  to: S;
  reason?: string | null | undefined;
  message?: string | null | undefined;
}

/** "Run status changed RUNNING -> TERMINATING. Termination reason: JOB_FAILED". */
export const statusChanged = (
  what: "Run" | "Job" | "Instance" | "Fleet" | "Volume" | "Gateway",
  { from, to, reason, message }: StatusChange<string>,
): string => {
  const changed = `${what} status changed ${from.toUpperCase()} -> ${to.toUpperCase()}`;
  if ((to !== "terminating" && to !== "terminated") || !reason) return changed;
  const words = message ? oneLine(message) : "";
  return `${changed}. Termination reason: ${reason.toUpperCase()}${words === "" ? "" : ` (${words})`}`;
};
