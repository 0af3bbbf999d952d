import type { Run } from "../../shared/api/runs.ts";
import { isFinalRun } from "../../shared/states.ts";
import { understand } from "../api/answer.ts";
import { type Api, postForStream } from "../api/client.ts";
import { isUnknownRoute } from "../api/refusal.ts";
import { getRun, runAnswer } from "../api/runs.ts";
import type { Context } from "../context.ts";
import { delayOn } from "../process/delayOn.ts";
import { readLines } from "./lines.ts";
import { isPassing, type Outage, StreamCut } from "./outage.ts";

/** How often a server without `runs/watch` is asked. */
const POLL_MS = 1_000;

/** A server answers at once, with the run as it is; who says nothing for so long is not there. */
const ANSWER_MS = 20_000;

/** A run as it changes, over any number of connections, until it is final. */
export interface RunFeed extends AsyncDisposable {
  readonly run: Run;
  /** Aborts when the connection is lost; from then on there is another one. What else was open is worth a doubt. */
  readonly connection: AbortSignal;
  /** The first state from now on that fits. Rejects with what ended the feed, or when the caller's signal aborts. */
  until(fits: (run: Run) => boolean): Promise<Run>;
  /** Gives up the connection for another one: nobody knows what became of it. */
  renew(): void;
}

interface FeedOptions {
  readonly api: Api;
  readonly run: Run;
  readonly outage: Outage;
  readonly signal: AbortSignal;
  readonly onChange?: (run: Run) => void;
}

export const openFeed = (
  ctx: Context,
  { api, run, outage, signal: parent, onChange }: FeedOptions,
): RunFeed => {
  const closing = new AbortController();
  const signal = AbortSignal.any([parent, closing.signal]);
  let latest = run;
  let connection = new AbortController();
  let watching = new AbortController();
  let changed = Promise.withResolvers<void>();

  const take = (next: Run) => {
    latest = next;
    outage.over("run");
    onChange?.(next);
    changed.resolve();
    changed = Promise.withResolvers();
  };
  const ended = keepWatching(ctx, {
    api,
    id: run.id,
    outage,
    signal,
    attempt: () => {
      watching = new AbortController();
      return watching.signal;
    },
    take,
    lost: () => {
      connection.abort();
      connection = new AbortController();
    },
    isFinal: () => isFinalRun(latest.status),
  });
  // Whoever waits in `until` hears of it; nobody may be waiting yet.
  ended.catch(() => {});

  return {
    get run() {
      return latest;
    },
    get connection() {
      return connection.signal;
    },
    until: async (fits) => {
      for (;;) {
        if (fits(latest)) return latest;
        parent.throwIfAborted();
        if (isFinalRun(latest.status)) throw new Error("The run is final, and not as expected");
        await Promise.race([changed.promise, ended]);
      }
    },
    renew: () => watching.abort(new StreamCut("The connection was given up")),
    [Symbol.asyncDispose]: async () => {
      closing.abort();
      await ended.catch(() => {});
    },
  };
};

interface Watching {
  readonly api: Api;
  readonly id: string;
  readonly outage: Outage;
  readonly signal: AbortSignal;
  /** Of one connection: it is to be given up. */
  readonly attempt: () => AbortSignal;
  /** One was lost before. */
  readonly isAgain?: boolean;
  readonly take: (run: Run) => void;
  readonly lost: () => void;
  readonly isFinal: () => boolean;
}

const keepWatching = async (ctx: Context, watching: Watching): Promise<void> => {
  const { signal: parent, outage, lost, isFinal } = watching;
  let watch = watchOnce;
  let isAgain = false;
  while (!parent.aborted && !isFinal()) {
    const attempt = watching.attempt();
    try {
      await watch(ctx, { ...watching, signal: AbortSignal.any([parent, attempt]), isAgain });
    } catch (err) {
      if (parent.aborted) return;
      if (watch === watchOnce && isUnknownRoute(err)) watch = poll;
      else if (attempt.aborted || isPassing(err)) {
        lost();
        isAgain = true;
        await outage.pause("run", parent);
      } else throw err;
    }
  }
};

/** One connection, until the run is final. */
const watchOnce = async (ctx: Context, watching: Watching): Promise<void> => {
  const { api, id, signal, take, isFinal, isAgain = false } = watching;
  const path = `${api.project}/runs/watch`;
  const silence = new AbortController();
  const cancel = ctx.clock.after(ANSWER_MS, () => silence.abort());
  const response = await postForStream(
    api,
    path,
    { run_name: null, id },
    { signal: AbortSignal.any([signal, silence.signal]), isFresh: isAgain },
  )
    .catch((cause: unknown) => {
      throw silence.signal.aborted ? new StreamCut("The server does not answer", { cause }) : cause;
    })
    .finally(cancel);
  for await (const line of readLines(ctx.clock, response, signal)) {
    // An empty line says only that the connection lives.
    if (line !== "") take(understand(runAnswer, JSON.parse(line), path));
  }
  if (!isFinal()) throw new StreamCut("The run is not final yet");
};

const poll = async (ctx: Context, { api, id, signal, take }: Watching): Promise<void> => {
  take(await getRun(api, { id }));
  await delayOn(ctx.clock, POLL_MS, signal);
};
