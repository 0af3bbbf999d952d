import type Docker from "dockerode";
import { delay } from "../../../shared/async/delay.ts";
import { messageOf } from "../../../shared/errors.ts";
import type { Logger } from "../../../shared/log.ts";
import { isUnreachable } from "./client.ts";
import { attachKeyboard, CTRL_C, CTRL_D, type Terminal } from "./output.ts";

export interface StopperOptions {
  container: Docker.Container;
  terminal: Terminal | undefined;
  /** Aborted when the container has ended. */
  over: AbortSignal;
  onKilled: () => void;
  log: Logger;
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
 */
export const createStopper = ({ container, terminal, over, onKilled, log }: StopperOptions): Stopper => {
  let deadline = Number.POSITIVE_INFINITY;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isInterrupted = false;
  let killed = false;

  const interrupt = async () => {
    const own = terminal?.writable ? terminal : await attachKeyboard(container);
    own.write(CTRL_C + CTRL_D);
    while (!over.aborted) {
      await delay(RETRY_MS, over);
      if (over.aborted || !own.writable) break;
      own.write(CTRL_D);
    }
    if (own !== terminal) own.destroy();
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

  const stop = (graceMs: number): void => {
    const at = Date.now() + graceMs;
    if (at >= deadline || over.aborted) return;
    deadline = at;
    if (graceMs > 0 && !isInterrupted) {
      isInterrupted = true;
      interrupt().catch((err: unknown) =>
        log.warn("Cannot interrupt a job, it will be killed", {
          container: container.id,
          reason: messageOf(err),
        }),
      );
    }
    clearTimeout(timer);
    timer = setTimeout(() => void kill(), graceMs);
  };
  over.addEventListener("abort", () => clearTimeout(timer), { once: true });
  return { stop, wasAsked: () => deadline !== Number.POSITIVE_INFINITY, hasKilled: () => killed };
};
