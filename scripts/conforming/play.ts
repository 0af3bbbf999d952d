import { messageOf } from "../../shared/errors.ts";
import type { StockVersion } from "../e2e/harness/stockClient.ts";
import type { Case } from "./case.ts";
import { openScene } from "./scene.ts";
import type { Stage } from "./stage.ts";

/** How a case went with one client. */
export interface Outcome {
  case: Case;
  version: StockVersion;
  seconds: number;
  /** Why it failed; undefined: it did not. */
  problem: string | undefined;
}

export interface PlayOptions {
  stage: Stage;
  version: StockVersion;
  /** Of the stock client's program. */
  path: string;
}

const playCase = async (one: Case, { stage, version, path }: PlayOptions): Promise<Outcome> => {
  const startedAt = performance.now();
  let problem: string | undefined;
  try {
    await one.run(await openScene({ stage, version, path, name: one.name }));
  } catch (err) {
    problem = messageOf(err);
  }
  return { case: one, version, seconds: (performance.now() - startedAt) / 1000, problem };
};

/** Plays the cases, so many at a time, in their order. */
export const playAll = async (
  cases: readonly Case[],
  options: PlayOptions & { workers: number; onEnd(outcome: Outcome): void },
): Promise<void> => {
  let next = 0;
  const work = async () => {
    for (let one = cases[next++]; one; one = cases[next++]) options.onEnd(await playCase(one, options));
  };
  await Promise.all(Array.from({ length: options.workers }, work));
};
