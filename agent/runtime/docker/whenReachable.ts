import { delay } from "../../../shared/async/delay.ts";
import { AppError, messageOf } from "../../../shared/errors.ts";
import type { Logger } from "../../../shared/log.ts";
import { StartError } from "../runtime.ts";
import { isUnreachable } from "./client.ts";
import { PullCutOff } from "./pull.ts";

const RETRY_MS = 1_000;
/** An engine that ends in the middle of so many pulls for one job ends because of them. */
const MAX_PULLS = 5;

export interface ReachableOptions {
  /** Aborted: give up. */
  signal: AbortSignal;
  log: Logger;
  retryMs?: number;
}

/** Waits for an engine that is away; what it was pulling when it went is pulled again, though not without end. */
export const whenReachable = async <T>(
  { signal, log, retryMs = RETRY_MS }: ReachableOptions,
  attempt: () => Promise<T>,
): Promise<T> => {
  for (let pulls = 0; ; ) {
    try {
      return await attempt();
    } catch (err) {
      if (signal.aborted) throw new AppError("unavailable", "Gave up preparing the job", { cause: err });
      const reason = messageOf(err);
      if (err instanceof PullCutOff) {
        if (++pulls === MAX_PULLS)
          throw new StartError(err.reason, `${reason}, ${pulls} times`, { cause: err });
        log.warn("A pull was cut off; the image is pulled again", { reason, times: pulls });
      } else if (isUnreachable(err))
        log.warn("The Docker engine does not answer, waiting for it", { reason });
      else throw err;
      await delay(retryMs, signal);
    }
  }
};
