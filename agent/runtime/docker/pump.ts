import { delay } from "../../../shared/async/delay.ts";

/** So much may wait to be written; then the other side has to wait too. */
const HIGH_WATER_BYTES = 1024 ** 2;
/** What comes piece by piece is gathered for so long, once the first piece has gone on. */
const GATHER_MS = 4;
/** So much is worth a write of its own. */
const ENOUGH_BYTES = 128 * 1024;

/**
 * Hands on what a stream brings, as much at once as has come since the last time: engines send a job's log in one
 * tiny piece per line. Settles at the stream's end, when all is handed on; rejects when the connection breaks.
 */
export const pump = (source: NodeJS.ReadableStream, write: (bytes: Buffer) => Promise<void>): Promise<void> =>
  new Promise((resolve, reject) => {
    let waiting: Buffer[] = [];
    let waitingBytes = 0;
    let isWriting = false;
    let outcome: (() => void) | undefined;
    const hurry = new AbortController();

    const drain = async () => {
      isWriting = true;
      try {
        while (waiting.length > 0) {
          const bytes = waiting.length === 1 && waiting[0] ? waiting[0] : Buffer.concat(waiting);
          waiting = [];
          waitingBytes = 0;
          source.resume();
          await write(bytes);
          if (waitingBytes < ENOUGH_BYTES) await delay(GATHER_MS, hurry.signal);
        }
      } catch (err) {
        outcome = () => reject(err);
      }
      isWriting = false;
      outcome?.();
    };
    const settle = (how: () => void) => {
      outcome ??= how;
      hurry.abort();
      if (!isWriting) outcome();
    };

    source.on("data", (chunk: Buffer | string) => {
      const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
      waiting.push(bytes);
      waitingBytes += bytes.length;
      if (waitingBytes > HIGH_WATER_BYTES) source.pause();
      if (!isWriting) void drain();
    });
    source.on("end", () => settle(resolve));
    source.on("error", (err) => settle(() => reject(err)));
    source.on("close", () => settle(() => reject(new Error("The connection was cut off"))));
    // It may have been cut off already, and will not say so again.
    if ("destroyed" in source && source.destroyed)
      settle(() => reject(new Error("The connection was cut off")));
    // One that was paused would not begin by itself.
    source.resume();
  });
