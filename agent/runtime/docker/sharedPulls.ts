import type { PullProgress } from "../../../shared/protocol/report.ts";
import type { PullHooks, PullRequest } from "./pull.ts";

interface Pull {
  done: Promise<void>;
  waiting: Set<PullHooks>;
  progress: PullProgress | undefined;
  giveUp: AbortController;
}

/**
 * Jobs that need the same image at the same time wait for one pull of it, and all see how far it is. It is given up
 * when the last of them gives up.
 */
export const sharePulls = (pull: (request: PullRequest, hooks: PullHooks) => Promise<void>): typeof pull => {
  const pulls = new Map<string, Pull>();

  const begin = (key: string, request: PullRequest): Pull => {
    const waiting = new Set<PullHooks>();
    const giveUp = new AbortController();
    const onPulling = (progress?: PullProgress) => {
      one.progress = progress;
      for (const hooks of waiting) hooks.onPulling(progress);
    };
    const one: Pull = { waiting, giveUp, progress: undefined, done: Promise.resolve() };
    pulls.set(key, one);
    one.done = pull(request, { signal: giveUp.signal, onPulling }).finally(() => {
      if (pulls.get(key) === one) pulls.delete(key);
    });
    // Whoever waits hears of it; nobody may be left to do so.
    one.done.catch(() => {});
    return one;
  };

  return async (request, hooks) => {
    hooks.signal.throwIfAborted();
    // Other credentials may be refused where these are not.
    const key = JSON.stringify([request.image, request.auth ?? null]);
    const running = pulls.get(key);
    const one = running ?? begin(key, request);
    if (running) hooks.onPulling(running.progress);
    const left = Promise.withResolvers<never>();
    const leave = () => left.reject(hooks.signal.reason);
    one.waiting.add(hooks);
    hooks.signal.addEventListener("abort", leave, { once: true });
    try {
      await Promise.race([one.done, left.promise]);
    } finally {
      hooks.signal.removeEventListener("abort", leave);
      one.waiting.delete(hooks);
      if (one.waiting.size === 0) {
        // The next one who wants it begins anew: this one may not have stopped yet.
        if (pulls.get(key) === one) pulls.delete(key);
        one.giveUp.abort();
      }
    }
  };
};
