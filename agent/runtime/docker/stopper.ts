import { statSync } from "node:fs";
import type Docker from "dockerode";
import { delay } from "../../../shared/async/delay.ts";
import { systemClock } from "../../../shared/clock.ts";
import { messageOf } from "../../../shared/errors.ts";
import type { Logger } from "../../../shared/log.ts";
import { readSpool } from "../../jobs/spool.ts";
import { isUnreachable } from "./client.ts";
import { attachKeyboard, CTRL_C, CTRL_D, type Terminal } from "./output.ts";
import { findStopNote, writeStopNote } from "./stopNote.ts";

export interface StopperOptions {
  container: Docker.Container;
  terminal: Terminal | undefined;
  /** Where the job's output is. */
  spoolPath: string;
  /** Aborted when the container has ended. */
  over: AbortSignal;
  onKilled: () => void;
  log: Logger;
  /** Where a stop that has begun is noted for the agent's next process. */
  notePath: string;
  echoMs?: number;
}

export interface Stopper {
  /** As `stop` of a RunningJob. */
  stop(graceMs: number): void;
  wasAsked(): boolean;
  hasKilled(): boolean;
}

const RETRY_MS = 500;
/** How a terminal shows an interrupt. */
const ECHO = "^C";
/** How long the echo of an interrupt may take, which an earlier process of the agent may have typed. */
const ECHO_MS = 2_000;
const LOOK_MS = 50;
const LOOK_BYTES = 256 * 1024;

/**
 * Interrupt, then kill. The interrupt is typed on the job's terminal, so that it reaches the command in the
 * foreground and not only the shell around it. An interactive shell (`sh -i -c`) then does not end but prompts for
 * the next command: end-of-file is what makes it leave. It is typed until the end, as a shell may come to its
 * prompt late, when the command has put its things in order.
 *
 * A stop that an earlier process of the agent has begun goes on from where it was. The job is interrupted once, as many
 * programs take a second time as the word not to tidy up any more; and its grace ends when it would have.
 */
export const createStopper = (options: StopperOptions): Stopper => {
  const { container, terminal, spoolPath, over, onKilled, log, notePath, echoMs = ECHO_MS } = options;
  const begun = findStopNote(notePath);
  let { interrupt, spoolBytes } = begun ?? { interrupt: undefined, spoolBytes: 0 };
  let deadline = Number.POSITIVE_INFINITY;
  let cancelKill = () => {};
  let killed = false;

  const note = () => {
    try {
      writeStopNote(notePath, { killInMs: deadline - systemClock.steady(), interrupt, spoolBytes });
    } catch (err) {
      // A full disk must not keep a job from being stopped; only the agent's next process misses it.
      log.warn("Cannot note that a job is being stopped", { reason: messageOf(err) });
    }
  };

  /** Whether the earlier process came to type what it was about to: its output is read into the spool meanwhile. */
  const wasTyped = async (): Promise<boolean> => {
    let [at, seen] = [spoolBytes, ""];
    for (const until = systemClock.steady() + echoMs; !over.aborted && systemClock.steady() < until; ) {
      const bytes = readSpool(spoolPath, { offset: at, limit: LOOK_BYTES });
      at += bytes.length;
      // It may have been read in two halves.
      seen = seen.slice(-1) + Buffer.from(bytes).toString("latin1");
      if (seen.includes(ECHO)) return true;
      if (bytes.length < LOOK_BYTES) await delay(LOOK_MS, over);
    }
    return false;
  };

  const type = async () => {
    if (begun?.interrupt === "due" && (await wasTyped())) interrupt = "typed";
    let own = terminal;
    while (!over.aborted) {
      try {
        if (!own?.writable) own = await attachKeyboard(container);
        await press(own, interrupt === "typed" ? CTRL_D : CTRL_C + CTRL_D);
        if (interrupt !== "typed") {
          interrupt = "typed";
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

  const killAfter = (graceMs: number) => {
    deadline = systemClock.steady() + graceMs;
    cancelKill();
    cancelKill = systemClock.after(graceMs, () => void kill());
  };

  const begin = () => {
    type().catch((err: unknown) =>
      log.warn("Cannot interrupt a job, it will be killed", {
        container: container.id,
        reason: messageOf(err),
      }),
    );
  };

  const stop = (graceMs: number): void => {
    if (over.aborted || systemClock.steady() + graceMs >= deadline) return;
    killAfter(graceMs);
    const isFirst = interrupt === undefined && graceMs > 0;
    if (isFirst) {
      interrupt = "due";
      spoolBytes = statSync(spoolPath, { throwIfNoEntry: false })?.size ?? 0;
    }
    note();
    if (isFirst) begin();
  };

  if (begun) {
    killAfter(begun.killInMs);
    if (interrupt) begin();
  }
  over.addEventListener("abort", () => cancelKill(), { once: true });
  return { stop, wasAsked: () => deadline !== Number.POSITIVE_INFINITY, hasKilled: () => killed };
};

/** Settles when the keys are on their way. */
const press = (terminal: Terminal, keys: string): Promise<void> =>
  new Promise((resolve, reject) => {
    terminal.write(keys, (err) => (err ? reject(err) : resolve()));
  });
