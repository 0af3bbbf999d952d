import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { z } from "zod";
import { STOCK_VERSIONS } from "../e2e/harness/stockClient.ts";
import type { Case } from "./case.ts";
import type { Outcome } from "./play.ts";

const Line = z.object({
  name: z.string(),
  version: z.enum(STOCK_VERSIONS),
  seconds: z.number(),
  problem: z.string().optional(),
});

/** Outcomes in a file, a line each, so that a run that is cut off, or done in parts, can be gone on with. */
export interface Recorded {
  /** Of cases that are still there and went well. */
  outcomes: Outcome[];
  add(outcome: Outcome): void;
}

export const openRecord = (file: string | undefined, cases: readonly Case[]): Recorded => {
  const lines = file !== undefined && existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
  const outcomes = lines
    .filter((line) => line !== "")
    .flatMap((line): Outcome[] => {
      const { name, version, seconds, problem } = Line.parse(JSON.parse(line));
      const found = cases.find((one) => one.name === name);
      return found && problem === undefined ? [{ case: found, version, seconds, problem }] : [];
    });
  return {
    outcomes,
    add: ({ case: { name }, version, seconds, problem }) => {
      if (file !== undefined)
        appendFileSync(file, `${JSON.stringify({ name, version, seconds, problem })}\n`);
    },
  };
};
