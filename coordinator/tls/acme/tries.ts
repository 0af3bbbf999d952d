import { existsSync, readFileSync, rmSync } from "node:fs";
import { z } from "zod";
import type { Clock } from "../../../shared/clock.ts";
import { messageOf } from "../../../shared/errors.ts";
import { keepPrivate } from "../keptPairs.ts";
import { CaRefusal } from "./problem.ts";

const MINUTE_MS = 60_000;
/**
 * After the first failure, the second one and so on; the last holds from then on. Let's Encrypt allows five failures of a
 * name in an hour.
 */
const PAUSES_MS = [MINUTE_MS / 6, MINUTE_MS, 5 * MINUTE_MS, 30 * MINUTE_MS, 120 * MINUTE_MS, 360 * MINUTE_MS];
const LEAST_LIMITED_MS = 60 * MINUTE_MS;

const Kept = z.object({
  failures: z.number().int().min(1),
  /** Milliseconds since 1970. */
  nextAt: z.number(),
  reason: z.string(),
});
type Failures = z.output<typeof Kept>;

/** What has failed lately, kept in a file: a coordinator that is started again and again asks no more often than one. */
export interface Tries {
  readonly file: string;
  /** Undefined: the CA may be asked now. */
  readonly waiting: Failures | undefined;
  failed(err: unknown): void;
  succeeded(): void;
}

export interface TriesDeps {
  clock: Pick<Clock, "now">;
  /** From 0 to 1: not all coordinators of the world ask again at the same moment. */
  random: () => number;
}

export const openTries = (file: string, { clock, random }: TriesDeps): Tries => {
  let last = read(file);
  return {
    file,
    get waiting() {
      // Whoever wants it at once removes the file.
      if (last && !existsSync(file)) last = undefined;
      return last && last.nextAt > clock.now() ? last : undefined;
    },
    failed: (err) => {
      const failures = (last?.failures ?? 0) + 1;
      const pauseMs = PAUSES_MS[Math.min(failures, PAUSES_MS.length) - 1] ?? 0;
      last = {
        failures,
        nextAt: Math.max(clock.now() + pauseMs * (1 + random() / 4), allowedAt(err, clock.now())),
        reason: messageOf(err),
      };
      keepPrivate(file, `${JSON.stringify(last)}\n`);
    },
    succeeded: () => {
      last = undefined;
      rmSync(file, { force: true });
    },
  };
};

/** From when on the CA wants to be asked. */
const allowedAt = (err: unknown, now: number): number => {
  if (!(err instanceof CaRefusal)) return 0;
  return Math.max(err.retryAt ?? 0, err.problem === "rateLimited" ? now + LEAST_LIMITED_MS : 0);
};

const read = (file: string): Failures | undefined => {
  if (!existsSync(file)) return undefined;
  try {
    return Kept.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    // Half of a file, or another release's: it only spares the CA a question.
    return undefined;
  }
};
