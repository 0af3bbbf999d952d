import { formatMs, type Summary, summarise } from "./stats.ts";

/** Collects rows while parts run, and renders them as the Markdown table that the README holds. */
export interface Report {
  /** A row of many measurements in milliseconds. */
  times(what: string, valuesMs: readonly number[]): Summary;
  /** A row of one figure. */
  figure(what: string, value: string): void;
  /** A line under the table: what was left out, and why; what a row means. */
  note(line: string): void;
  render(): string;
}

export const createReport = (say: (line: string) => void): Report => {
  const rows: [string, string, string, string][] = [];
  const notes: string[] = [];
  const add = (row: [string, string, string, string]) => {
    rows.push(row);
    say(row.filter(Boolean).join("  "));
  };
  return {
    times: (what, valuesMs) => {
      const summary = summarise(valuesMs);
      add([what, `${formatMs(summary.p50)} ms`, `${formatMs(summary.p95)} ms`, String(summary.count)]);
      return summary;
    },
    figure: (what, value) => add([what, value, "", ""]),
    note: (line) => {
      notes.push(line);
      say(line);
    },
    render: () =>
      [
        "| what | p50 | p95 | n |",
        "| --- | --- | --- | --- |",
        ...rows.map((row) => `| ${row.join(" | ")} |`),
        "",
        ...notes.map((line) => `- ${line}`),
      ].join("\n"),
  };
};
