import type { Context } from "hono";
import type { AppEnv } from "./env.ts";

/**
 * An answer whose end is not known. Each piece leaves when it is there; `make` gets a signal that aborts when the
 * client is gone or the server stops, and ends then.
 */
export const openEnded = (
  c: Context<AppEnv>,
  {
    headers,
    closing,
    make,
  }: {
    headers: Record<string, string>;
    closing: AbortSignal;
    make: (signal: AbortSignal) => AsyncGenerator<Uint8Array, void>;
  },
): Response => {
  // The server ends silent connections, but these may be silent for as long as a job is.
  c.env.keepOpen?.();
  const gone = new AbortController();
  const end = () => gone.abort();
  const signals = [closing, c.req.raw.signal];
  for (const signal of signals) signal.addEventListener("abort", end, { once: true });
  if (signals.some((signal) => signal.aborted)) end();
  const pieces = make(gone.signal);
  let isCancelled = false;
  const release = () => {
    for (const signal of signals) signal.removeEventListener("abort", end);
  };
  const body = new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        try {
          const { done, value } = await pieces.next();
          if (isCancelled) return;
          if (!done) return controller.enqueue(value);
          release();
          controller.close();
        } catch (err) {
          release();
          c.get("log").error("A stream failed", { path: c.req.path, err });
          controller.error(err);
        }
      },
      cancel: async () => {
        isCancelled = true;
        end();
        release();
        await pieces.return();
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body, {
    headers: { ...headers, "cache-control": "no-store", "x-accel-buffering": "no" },
  });
};
