import type { Input } from "../context.ts";

interface Reader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
}

/** Lines of a byte stream, opened when the first one is asked for. */
export const createInput = (
  open: () => ReadableStream<Uint8Array>,
  isTerminal: boolean,
  hideTyping = (): Disposable => ({ [Symbol.dispose]: () => {} }),
): Input => {
  const decoder = new TextDecoder();
  let reader: Reader | undefined;
  let pending: Promise<boolean> | undefined;
  let buffered = "";
  let isOver = false;

  /** Reads a piece more; a read that nobody waits for any longer is kept for the next caller. */
  const readMore = (): Promise<boolean> => {
    pending ??= (async () => {
      const opened = reader ?? open().getReader();
      reader = opened;
      const { done, value } = await opened.read();
      buffered += decoder.decode(value, { stream: !done });
      isOver = done;
      pending = undefined;
      return !done;
    })();
    return pending;
  };

  return {
    isTerminal,
    hideTyping,
    readLine: async (signal) => {
      const aborted = Promise.withResolvers<void>();
      const onAbort = () => aborted.resolve();
      signal?.addEventListener("abort", onAbort, { once: true });
      try {
        for (;;) {
          if (signal?.aborted) return undefined;
          const end = buffered.indexOf("\n");
          if (end >= 0) {
            const line = buffered.slice(0, end);
            buffered = buffered.slice(end + 1);
            return line.replace(/\r$/, "");
          }
          if (isOver) {
            const last = buffered;
            buffered = "";
            return last === "" ? undefined : last;
          }
          await Promise.race([readMore(), aborted.promise]);
        }
      } finally {
        signal?.removeEventListener("abort", onAbort);
      }
    },
    readAll: async () => {
      while (!isOver) await readMore();
      const all = buffered;
      buffered = "";
      return all;
    },
  };
};
