import type { Clock } from "../../shared/clock.ts";
import { StreamCut } from "./outage.ts";

/** A connection that is silent for so long is dead: the server sends an empty line several times in between. */
const SILENCE_MS = 60_000;

/** The lines of an answer as they come. Throws `StreamCut` when the connection breaks or falls silent. */
export async function* readLines(
  clock: Clock,
  response: Response,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of readBytes(response, signal, { clock, silenceMs: SILENCE_MS })) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") throw new StreamCut("The last line is not complete");
}

interface SilenceLimit {
  readonly clock: Clock;
  readonly silenceMs: number;
}

/** The bytes of an answer as they come. Throws `StreamCut` when the connection breaks before its proper end. */
export async function* readBytes(
  response: Response,
  signal: AbortSignal,
  limit?: SilenceLimit,
): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  if (!reader) return;
  const stop = () => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", stop, { once: true });
  try {
    for (;;) {
      const piece = await withLimit(reader.read(), limit);
      signal.throwIfAborted();
      if (piece.done) return;
      yield piece.value;
    }
  } catch (err) {
    if (signal.aborted) throw err;
    throw new StreamCut("The connection was cut", { cause: err });
  } finally {
    signal.removeEventListener("abort", stop);
    stop();
  }
}

const withLimit = async <T>(reading: Promise<T>, limit: SilenceLimit | undefined): Promise<T> => {
  if (!limit) return reading;
  const silence = Promise.withResolvers<never>();
  const cancel = limit.clock.after(limit.silenceMs, () =>
    silence.reject(new StreamCut("The connection is silent")),
  );
  try {
    return await Promise.race([reading, silence.promise]);
  } finally {
    cancel();
  }
};
