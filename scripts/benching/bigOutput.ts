import { statSync } from "node:fs";
import { join } from "node:path";
import { delay } from "../../shared/async/delay.ts";
import type { Coordinator } from "../e2e/harness/coordinator.ts";

const LINE = `${"0123456789".repeat(7)}abcdefgh`;
/** A terminal ends lines with two characters. */
const LINE_BYTES = LINE.length + 2;
const LOOK_MS = 5;

/** Output of so many bytes as a job prints it, as fast as it can. */
export interface BigOutput {
  bytes: number;
  command: string;
  sha256: () => string;
}

export const bigOutput = (megabytes: number): BigOutput => {
  const lines = (megabytes * 1e6) / LINE_BYTES;
  return {
    bytes: lines * LINE_BYTES,
    command: `yes ${LINE} | head -n ${lines}`,
    sha256: () => {
      const hasher = new Bun.CryptoHasher("sha256");
      const thousand = `${LINE}\r\n`.repeat(1000);
      for (let at = 0; at < lines / 1000; at += 1) hasher.update(thousand);
      return hasher.digest("hex");
    },
  };
};

/** Where it begins: an interactive shell may greet before; undefined: not in these bytes. */
export const findBegin = (bytes: Uint8Array): number | undefined => {
  const at = Buffer.from(bytes).indexOf(LINE);
  return at < 0 ? undefined : at;
};

/** Where the coordinator keeps a submission's output. */
export const heldLog = ({ home }: Coordinator, submissionId: string): string =>
  join(home, ".dstack/server/data/logs", submissionId.slice(0, 2), `${submissionId}.log`);

export const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/** Until a file has so many bytes; answers when that was. `look` is called meanwhile. */
export const untilSize = async (path: string, bytes: number, look = () => {}): Promise<number> => {
  for (;;) {
    look();
    if (sizeOf(path) >= bytes) return performance.now();
    await delay(LOOK_MS);
  }
};

export const mbPerSecond = (bytes: number, ms: number): number => bytes / 1e3 / ms;
export const inMb = (speed: number): string => `${speed.toFixed(0)} MB/s`;
