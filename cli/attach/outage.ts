import { ApiRefusal, Unreachable } from "../api/refusal.ts";
import type { Context } from "../context.ts";
import { delayOn } from "../process/delayOn.ts";

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/** The time during which the server cannot be reached, as all streams of one command share it. */
export interface Outage {
  /** Waits before the next try, longer each time; the first one in a row tells the user. */
  pause(signal: AbortSignal): Promise<void>;
  /** Something came through. */
  over(): void;
}

export const createOutage = (ctx: Context): Outage => {
  let pauseMs = FIRST_PAUSE_MS;
  let isTold = false;
  return {
    pause: async (signal) => {
      if (!isTold) ctx.err.write("Lost the connection to the server, reconnecting...\n");
      isTold = true;
      // Half of it at random, so that the clients of a restarted coordinator do not come back all at once.
      await delayOn(ctx.clock, pauseMs * (0.5 + Math.random() / 2), signal);
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    },
    over: () => {
      pauseMs = FIRST_PAUSE_MS;
      isTold = false;
    },
  };
};

/** The server is away, or something in between is; what it says about the request itself is final. */
export const isPassing = (err: unknown): boolean => {
  if (err instanceof Unreachable) return true;
  if (err instanceof ApiRefusal) return err.status >= 500 || err.status === 429;
  return err instanceof StreamCut;
};

/** A stream ended in the middle. */
export class StreamCut extends Error {
  override readonly name = "StreamCut";
}
