import type { Logger } from "../../shared/log.ts";
import { VERSION } from "../../shared/version.ts";
import { exec } from "../native/exec.ts";
import type { Trial, UpgradeBook } from "./book.ts";
import { keptPath, swapBack } from "./program.ts";

/** A release that ends so often before it has reached the coordinator is not going to. */
const MOST_STARTS = 3;

/** This program's file, and the arguments that it was started with. */
export interface OwnProgram {
  path: string;
  args: readonly string[];
}

export interface TrialDeps {
  book: UpgradeBook;
  own: OwnProgram | undefined;
  log: Logger;
  now: () => number;
}

/** At the start of the agent: the trial that this very release is in. One that has failed already does not return. */
export const enterTrial = (deps: TrialDeps): Trial | undefined => {
  const { book, log } = deps;
  const { trial } = book;
  if (!trial) return undefined;
  if (trial.version !== VERSION) {
    // It was cut short before the release took this one's place, or somebody has put in another by hand.
    book.endTrial();
    return undefined;
  }
  const counted = book.countStart(trial);
  log.info("This release is on trial until it reaches the coordinator", {
    version: VERSION,
    from: trial.from,
  });
  if (counted.starts > MOST_STARTS)
    rollBack(deps, counted, `It was started ${trial.starts} times and never reached the coordinator`);
  return counted;
};

/** Puts the release before this one back and goes on as it, with the same arguments. Returns where there is none. */
export const rollBack = ({ book, own, log, now }: TrialDeps, trial: Trial, message: string): void => {
  log.error("Going back to the release before this one", {
    version: trial.version,
    to: trial.from,
    why: message,
  });
  book.fail(trial, message, now());
  if (own && swapBack(own.path)) exec(own.path, own.args);
  log.error("There is no release to go back to; this one goes on");
};

/** Goes on as the release that has taken the place of this one; a guard of this one looks after it (guard.ts). */
export const startTrial = (
  { path, args }: OwnProgram,
  guard: { stateDir: string; trialMs: number },
): never => {
  const child = Bun.spawn(
    [keptPath(path), "guard", guard.stateDir, path, String(guard.trialMs), "--", ...args],
    { cwd: "/", stdio: ["ignore", "ignore", "inherit"], detached: true },
  );
  child.unref();
  return exec(path, args);
};
