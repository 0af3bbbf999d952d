import type { Stdio } from "../ssh/proxy.ts";

/** This process's own, read and written no faster than the other side does. */
export const openStdio = (): Stdio => {
  const sink = Bun.stdout.writer({ highWaterMark: 1 });
  return {
    input: Bun.stdin.stream() as unknown as AsyncIterable<Uint8Array>,
    write: async (bytes) => {
      await sink.write(bytes);
      await sink.flush();
    },
  };
};
