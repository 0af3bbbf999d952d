import { expect, test } from "bun:test";
import type { StockVersion } from "../e2e/harness/stockClient.ts";
import type { Case } from "./case.ts";
import { type Flags, unknownFlags } from "./flags.ts";
import { isGreen, matrixOf } from "./matrix.ts";
import type { Outcome } from "./play.ts";
import { renderMarkdown, renderText } from "./render.ts";

const caseOf = (covers: Case["covers"], more: Partial<Case> = {}): Case => ({
  name: "a-case",
  expect: "what | must be",
  covers,
  run: async () => {},
  ...more,
});

const FLAGS = new Map<StockVersion, Flags>([
  ["0.21.2", { ps: ["--all", "--json"] }],
  ["0.22.5", { ps: ["--all", "--json", "--new"] }],
]);

const both = (one: Case, problem?: string): Outcome[] =>
  (["0.21.2", "0.22.5"] as const).map((version) => ({ case: one, version, seconds: 1, problem }));

const verdicts = (outcomes: Outcome[]) =>
  matrixOf(FLAGS, outcomes).rows.map(({ flag, cells }) => [
    flag,
    cells["0.21.2"]?.verdict,
    cells["0.22.5"]?.verdict,
  ]);

test("a flag is as its cases are: untried, ok, later, or wrong", () => {
  expect(verdicts([])).toEqual([
    ["--all", "untried", "untried"],
    ["--json", "untried", "untried"],
    ["--new", "n.a.", "untried"],
  ]);
  const later = caseOf({ ps: ["--json", "--new"] }, { later: "services" });
  const outcomes = [...both(caseOf({ ps: ["--all"] })), ...both(later)];
  expect(verdicts(outcomes)).toEqual([
    ["--all", "ok", "ok"],
    ["--json", "later", "later"],
    ["--new", "n.a.", "later"],
  ]);
  expect(isGreen(matrixOf(FLAGS, outcomes))).toBe(true);
  // What works already in one case is there, whatever another one waits for.
  expect(verdicts([...outcomes, ...both(caseOf({ "*": ["--json"] }))])[1]).toEqual(["--json", "ok", "ok"]);
  expect(verdicts([...outcomes, ...both(caseOf({ ps: ["--all"] }), "broken")])[0]).toEqual([
    "--all",
    "FAIL",
    "FAIL",
  ]);
});

test("what failed, or nobody tried, is no green matrix", () => {
  expect(isGreen(matrixOf(FLAGS, both(caseOf({ ps: ["--all"] }))))).toBe(false);
  const all = caseOf({ ps: ["--all", "--json", "--new"] });
  expect(isGreen(matrixOf(FLAGS, both(all)))).toBe(true);
  expect(isGreen(matrixOf(FLAGS, both(all, "broken")))).toBe(false);
  // Also where no flag is to blame.
  expect(isGreen(matrixOf(FLAGS, [...both(all), ...both(caseOf({}), "broken")]))).toBe(false);
});

test("a flag that no client has is found out", () => {
  const known = [...FLAGS.values()];
  expect(unknownFlags([caseOf({ ps: ["--new"], "*": ["--help"] })], known)).toEqual([]);
  expect(unknownFlags([caseOf({ ps: ["--nwe"], pss: ["--all"] })], known)).toEqual([
    "a-case: ps --nwe",
    "a-case: pss --all",
  ]);
});

test("the page and the text name command, flag, verdict, reason and sums", () => {
  const later = caseOf({ ps: ["--json", "--new"] }, { later: "services" });
  const matrix = matrixOf(FLAGS, [...both(caseOf({ ps: ["--all"] })), ...both(later)]);
  expect(renderMarkdown(matrix)).toContain("| `--all` | ok | ok | what \\| must be |");
  expect(renderMarkdown(matrix)).toContain("| `--new` | n.a. | later: services |");
  expect(renderText(matrix)).toMatch(/^dstack ps --new +n\.a\. +later +services$/m);
  expect(renderText(matrix)).toContain("0.22.5: 1 ok, 2 later (2 cases)");
});
