import type { LogStore } from "../../coordinator/logs/logStore.ts";

/**
 * Makes a log store keep output in memory, in what outlives a simulated crash as files do. Files would be waited for in
 * real time, and no seed would replay; the log store has tests of its own. `pause` may be long, or for ever.
 */
export const keepInMemory = (
  logs: LogStore,
  held: Map<string, Uint8Array>,
  pause: () => Promise<void>,
): void => {
  logs.append = async (id, bytes, { offset }) => {
    await pause();
    const before = held.get(id) ?? new Uint8Array();
    if (offset > before.length || offset + bytes.length <= before.length) return before.length;
    const after = Buffer.concat([before, bytes.subarray(before.length - offset)]);
    held.set(id, after);
    await pause();
    return after.length;
  };
  logs.length = async (id) => held.get(id)?.length ?? 0;
  logs.digest = async (id) => {
    await pause();
    return new Bun.CryptoHasher("sha256").update(held.get(id) ?? new Uint8Array()).digest("hex");
  };
  logs.finish = () => pause();
};
