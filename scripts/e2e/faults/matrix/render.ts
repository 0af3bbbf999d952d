import { ALL_CELLS, type Outcome } from "./cell.ts";
import { FAULTS } from "./faults.ts";
import { MOMENTS } from "./moments.ts";

/** A Markdown table for each runtime: faults by moments, what became of the job in each, and what was wrong. */
export const renderMatrix = (outcomes: readonly Outcome[], leftOut: ReadonlyMap<string, string>): string => {
  const moments = Object.keys(MOMENTS);
  const tables = (["process", "docker"] as const).flatMap((runtime) => {
    const own = outcomes.filter((one) => one.runtime === runtime);
    if (own.length === 0) return [];
    const rows = Object.keys(FAULTS).map((fault) => [
      fault,
      ...moments.map((moment) => {
        const found = own.filter((one) => one.fault === fault && one.moment === moment);
        if (found.length > 0) return turns(found);
        return leftOut.get(`${runtime}/${fault}/${moment}`) ?? "not played";
      }),
    ]);
    return [
      `**${runtime} runtime**`,
      "",
      line(["fault", ...moments]),
      line(["---", ...moments.map(() => "---")]),
      ...rows.map(line),
      "",
    ];
  });
  const played = new Set(outcomes.map(({ runtime, fault, moment }) => `${runtime}/${fault}/${moment}`)).size;
  const wrong = outcomes.filter(({ problems }) => problems.length > 0).length;
  return [
    ...tables,
    `${played} of ${ALL_CELLS.length * 2} cells played, ${outcomes.length} times; ${wrong} with something wrong. In each: how the run ended, the exit status, its output (first digits of its SHA-256), what was left.`,
    "",
  ].join("\n");
};

/** What was seen in all turns, each once. */
const turns = (outcomes: readonly Outcome[]): string => {
  const seen = new Map<string, number>();
  for (const outcome of outcomes) seen.set(cell(outcome), (seen.get(cell(outcome)) ?? 0) + 1);
  return [...seen].map(([text, times]) => (outcomes.length > 1 ? `${times} × ${text}` : text)).join("; ");
};

const cell = ({ status, exitStatus, reason, log, hash, problems }: Outcome): string => {
  const why = status === "done" ? "" : ` (${reason})`;
  const left = problems.length === 0 ? "clean" : `**${problems.join(", ")}**`;
  return `${status}${why} ${exitStatus ?? "–"}, ${log} ${hash}, ${left}`;
};

const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
