import { ApiRefusal, Unreachable } from "../api/refusal.ts";
import type { Context } from "../context.ts";
import { delayOn } from "../process/delayOn.ts";

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/** What a command has open at the server, each over a connection of its own. */
type Part = "run" | "log" | "tunnel" | "upload";

/** The time during which the server cannot be reached, as all parts of one command share it: the user is told of it once. */
export interface Outage {
  /** Waits before the next try, longer each time; the first one in a row tells the user. */
  pause(part: Part, signal: AbortSignal): Promise<void>;
  /** It is cut off, and connects again by itself. */
  lost(part: Part): void;
  /** Something came through. */
  over(part: Part): void;
  /** This machine was away itself: what is lost from now on is lost for that. */
  slept(): void;
}

export const createOutage = (ctx: Context): Outage => {
  const away = new Set<Part>();
  const pauses = new Map<Part, number>();
  let isTold = false;
  const tell = (line: string) => {
    if (!isTold) ctx.err.write(`${line}\n`);
    isTold = true;
  };
  const lost = (part: Part) => {
    away.add(part);
    tell("Lost the connection to the server, reconnecting...");
  };
  return {
    lost,
    slept: () => tell("This machine was asleep or changed its network, reconnecting..."),
    pause: async (part, signal) => {
      lost(part);
      const pauseMs = pauses.get(part) ?? FIRST_PAUSE_MS;
      pauses.set(part, Math.min(pauseMs * 2, LONGEST_PAUSE_MS));
      // Half of it at random, so that the clients of a restarted coordinator do not come back all at once.
      await delayOn(ctx.clock, pauseMs * (0.5 + Math.random() / 2), signal);
    },
    over: (part) => {
      pauses.delete(part);
      away.delete(part);
      if (!isTold || away.size > 0) return;
      isTold = false;
      ctx.err.write("Connected again\n");
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
