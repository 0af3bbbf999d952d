import { delay } from "../../shared/async/delay.ts";
import type { Config } from "../config.ts";
import { askAgent } from "../control/client.ts";
import { DrainAnswer, StatusAnswer } from "../control/messages.ts";
import { notRunning } from "./notRunning.ts";

export interface CommandIo {
  signal: AbortSignal;
  /** One line for people. */
  say: (text: string) => void;
}

const LOOK_MS = 1_000;
const NOT_TOLD = "the coordinator does not answer now; it is told when it does";

/** Makes the host take no new jobs; with `--wait` returns when the last one is over. */
export const drain = async (config: Config, io: CommandIo): Promise<void> => {
  const { stateDir, reason } = config;
  const answer = await askAgent(stateDir, { command: "drain", body: { reason }, answer: DrainAnswer });
  if (!answer) throw notRunning(stateDir);
  io.say(`This host takes no new jobs${answer.is_told ? "" : `: ${NOT_TOLD}`}`);
  if (config.wait) await waitForJobs(stateDir, io);
  else if (answer.jobs > 0) io.say(`Jobs that go on: ${answer.jobs}`);
};

export const undrain = async ({ stateDir }: Config, { say }: CommandIo): Promise<void> => {
  const answer = await askAgent(stateDir, { command: "undrain", answer: DrainAnswer });
  if (!answer) throw notRunning(stateDir);
  say(`This host takes jobs again${answer.is_told ? "" : `: ${NOT_TOLD}`}`);
};

/** Returns when no job is left, or the signal aborts; says how many are whenever that changes. */
export const waitForJobs = async (stateDir: string, { signal, say }: CommandIo): Promise<void> => {
  for (let said: number | undefined; !signal.aborted; ) {
    const now = await askAgent(stateDir, { command: "status", answer: StatusAnswer });
    if (!now) throw notRunning(stateDir);
    const left = now.jobs.length;
    if (left !== said) say(left === 0 ? "No job is left" : `Waiting for jobs to end: ${left}`);
    if (left === 0) return;
    said = left;
    await delay(LOOK_MS, signal);
  }
};
