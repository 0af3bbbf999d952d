import type { StockVersion } from "../e2e/harness/stockClient.ts";
import type { Case } from "./case.ts";
import type { Flags } from "./flags.ts";
import type { Outcome } from "./play.ts";

type Verdict = "ok" | "FAIL" | "later" | "n.a." | "untried";

interface Cell {
  verdict: Verdict;
  /** Of what is later: what it waits for. */
  reason?: string;
}

export interface Row {
  command: string;
  flag: string;
  cells: Partial<Record<StockVersion, Cell>>;
  /** What is expected, by each case that tries the flag. */
  expectations: string[];
}

export interface Matrix {
  versions: readonly StockVersion[];
  rows: Row[];
  failures: { version: StockVersion; name: string; problem: string }[];
  counts: Partial<Record<StockVersion, Record<Verdict, number>>>;
  cases: number;
}

const covers = (one: Case, command: string, flag: string): boolean =>
  [command, "*"].some((name) => one.covers[name]?.includes(flag));

const cellOf = (outcomes: readonly Outcome[], known: boolean): Cell => {
  if (!known) return { verdict: "n.a." };
  if (outcomes.length === 0) return { verdict: "untried" };
  if (outcomes.some(({ problem }) => problem !== undefined)) return { verdict: "FAIL" };
  const reason = outcomes.flatMap(({ case: { later } }) => later ?? [])[0];
  if (reason !== undefined && outcomes.every(({ case: { later } }) => later !== undefined))
    return { verdict: "later", reason };
  return { verdict: "ok" };
};

export const matrixOf = (flags: ReadonlyMap<StockVersion, Flags>, outcomes: readonly Outcome[]): Matrix => {
  const versions = [...flags.keys()];
  const names = new Map<string, Set<string>>();
  for (const commands of flags.values())
    for (const [command, known] of Object.entries(commands))
      names.set(command, new Set([...(names.get(command) ?? []), ...known]));
  const rows = [...names].flatMap(([command, all]) =>
    [...all].map((flag): Row => {
      const tried = outcomes.filter((outcome) => covers(outcome.case, command, flag));
      const cells = versions.map((version): [StockVersion, Cell] => [
        version,
        cellOf(
          tried.filter((outcome) => outcome.version === version),
          flags.get(version)?.[command]?.includes(flag) ?? false,
        ),
      ]);
      return {
        command,
        flag,
        cells: Object.fromEntries(cells),
        expectations: [...new Set(tried.map((outcome) => outcome.case.expect))],
      };
    }),
  );
  const count = (version: StockVersion): Record<Verdict, number> => {
    const counted: Record<Verdict, number> = { ok: 0, FAIL: 0, later: 0, "n.a.": 0, untried: 0 };
    for (const { cells } of rows) {
      const verdict = cells[version]?.verdict;
      if (verdict) counted[verdict] += 1;
    }
    return counted;
  };
  return {
    versions,
    rows,
    failures: outcomes.flatMap(({ version, case: { name }, problem }) =>
      problem === undefined ? [] : [{ version, name, problem }],
    ),
    counts: Object.fromEntries(versions.map((version) => [version, count(version)])),
    cases: new Set(outcomes.map((outcome) => outcome.case)).size,
  };
};

/** Nothing has failed, and no flag has been left untried. */
export const isGreen = ({ rows, failures }: Matrix): boolean =>
  failures.length === 0 &&
  rows.every(({ cells }) =>
    Object.values(cells).every(({ verdict }) => verdict !== "FAIL" && verdict !== "untried"),
  );
