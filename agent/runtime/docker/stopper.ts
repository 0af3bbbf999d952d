import type Docker from "dockerode";
import { delay } from "../../../shared/async/delay.ts";
import { systemClock } from "../../../shared/clock.ts";
import { messageOf } from "../../../shared/errors.ts";
import type { Logger } from "../../../shared/log.ts";
import { isUnreachable } from "./client.ts";
import { attachKeyboard, CTRL_C, CTRL_D, type Terminal } from "./output.ts";
import { findStopNote, writeStopNote } from "./stopNote.ts";

export interface StopperOptions {
  container: Docker.Container;
  terminal: Terminal | undefined;
  /** Aborted when the container has ended. */
  over: AbortSignal;
  onKilled: () => void;
  log: Logger;
  /** Where a stop that has begun is noted for the agent's next process. */
  notePath: string;
}

export interface Stopper {
  /** As `stop` of a RunningJob. */
  stop(graceMs: number): void;
  wasAsked(): boolean;
  hasKilled(): boolean;
}

const RETRY_MS = 500;

/**
 * Interrupt, then kill. The interrupt is typed on the job's terminal, so that it reaches the command in the
 * foreground and not only the shell around it. An interactive shell (`sh -i -c`) then does not end but prompts for
 * the next command: end-of-file is what makes it leave. It is typed until the end, as a shell may come to its
 * prompt late, when the command has put its things in order.
 *
 * A stop that an earlier process of the agent has begun goes on from where it was: the job is interrupted once, and
 * its grace ends when it would have.
 */
export const createStopper = (options: StopperOptions): Stopper => {
  const { container, terminal, over, onKilled, log, notePath } = options;
  let deadline = Number.POSITIVE_INFINITY;
  let cancelKill = () => {};
  let isTyping = false;
  let isInterrupted = false;
  let killed = false;

  const note = () => {
    try {
      writeStopNote(notePath, { killInMs: deadline - systemClock.steady(), isInterrupted });
    } catch (err) {
      // A full disk must not keep a job from being stopped; only the agent's next process misses it.
      log.warn("Cannot note that a job is being stopped", { reason: messageOf(err) });
    }
  };

  const type = async () => {
    let own = terminal;
    while (!over.aborted) {
      try {
        if (!own?.writable) own = await attachKeyboard(container);
        await press(own, isInterrupted ? CTRL_D : CTRL_C + CTRL_D);
        if (!isInterrupted) {
          isInterrupted = true;
          note();
        }
      } catch (err) {
        if (!isUnreachable(err)) throw err;
      }
      await delay(RETRY_MS, over);
    }
    if (own !== terminal) own?.destroy();
  };

  const kill = async () => {
    while (!over.aborted) {
      try {
        // Set before: the container's end is often known before the answer to this.
        killed = true;
        await container.kill({ signal: "SIGKILL" });
        return onKilled();
      } catch (err) {
        killed = isUnreachable(err);
        // Refused: it has ended, or is gone.
        if (!killed) return onKilled();
        await delay(RETRY_MS, over);
      }
    }
  };

  const arm = (graceMs: number) => {
    deadline = systemClock.steady() + graceMs;
    cancelKill();
    cancelKill = systemClock.after(graceMs, () => void kill());
    if (graceMs <= 0 || isTyping) return;
    isTyping = true;
    type().catch((err: unknown) =>
      log.warn("Cannot interrupt a job, it will be killed", {
        container: container.id,
        reason: messageOf(err),
      }),
    );
  };

  const stop = (graceMs: number): void => {
    if (over.aborted || systemClock.steady() + graceMs >= deadline) return;
    arm(graceMs);
    note();
  };

  const begun = findStopNote(notePath);
  if (begun) {
    isInterrupted = begun.isInterrupted;
    arm(begun.killInMs);
  }
  over.addEventListener("abort", () => cancelKill(), { once: true });
  return { stop, wasAsked: () => deadline !== Number.POSITIVE_INFINITY, hasKilled: () => killed };
};

/** Settles when the keys are on their way. */
const press = (terminal: Terminal, keys: string): Promise<void> =>
  new Promise((resolve, reject) => {
    terminal.write(keys, (err) => (err ? reject(err) : resolve()));
  });
