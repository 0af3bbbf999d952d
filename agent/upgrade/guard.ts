import { readFileSync } from "node:fs";
import { delay } from "../../shared/async/delay.ts";
import { createLogger } from "../../shared/log.ts";
import { askAgent } from "../control/client.ts";
import { StatusAnswer } from "../control/messages.ts";
import { exec } from "../native/exec.ts";
import { UpgradeBook } from "./book.ts";
import { swapBack } from "./program.ts";

/** The release itself gives up when its time is over; it gets this much more to have done so. */
const MARGIN_MS = 15_000;
/** One that does not run for so long has ended, and nothing has started it again. */
const GONE_MS = 20_000;
const LOOK_MS = 500;

export interface GuardOptions {
  stateDir: string;
  program: string;
  trialMs: number;
  /** What the agent is started with. */
  args: readonly string[];
}

/** `STATE_DIR PROGRAM TRIAL_MS -- ARGS...` */
export const readGuardArgs = ([
  stateDir = "",
  program = "",
  trialMs,
  ,
  ...args
]: readonly string[]): GuardOptions => ({
  stateDir,
  program,
  trialMs: Number(trialMs),
  args,
});

/**
 * Looks after a release that is on trial, as a process of the release before: one that crashes or hangs cannot go back
 * by itself. Ends when the trial has ended. Otherwise it puts the old program back, and where no service manager starts
 * that, becomes it.
 */
export const guard = async (options: GuardOptions): Promise<void> => {
  const { stateDir, program, trialMs, args } = options;
  const log = createLogger({ level: "info", format: "json", write: (line) => process.stderr.write(line) });
  const book = new UpgradeBook(stateDir, log);
  const { trial } = book;
  const agent = parentOf();
  if (!trial) return;
  const until = performance.now() + trialMs + MARGIN_MS;
  let message = "It did not reach the coordinator in time";
  for (let seenAt = performance.now(); performance.now() < until; ) {
    await delay(LOOK_MS);
    if (book.trial?.sha256 !== trial.sha256) return;
    if (await isUp(stateDir)) seenAt = performance.now();
    if (performance.now() - seenAt < GONE_MS) continue;
    message = "It does not run";
    break;
  }
  log.error("Putting the release before this one back", { version: trial.version, why: message });
  book.fail(trial, message, Date.now());
  swapBack(program);
  // A service manager that has started it again meanwhile starts the old one when that ends.
  if (parentOf() === agent) process.kill(agent, "SIGKILL");
  for (const end = performance.now() + GONE_MS; performance.now() < end; await delay(LOOK_MS))
    if (await isUp(stateDir)) return;
  exec(program, args);
};

const isUp = async (stateDir: string): Promise<boolean> => {
  try {
    const asked = askAgent(stateDir, { command: "status", answer: StatusAnswer });
    return (await Promise.race([asked, delay(LOOK_MS * 4)])) !== undefined;
  } catch {
    // It answers, if not as it should.
    return true;
  }
};

/** This process's parent: the agent, which became the release without changing its process id; 1 and others: gone. */
const parentOf = (): number =>
  Number(/^PPid:\s+(\d+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]);
