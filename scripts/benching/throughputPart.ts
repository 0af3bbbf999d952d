import { type Part, runtimesOf } from "./bench.ts";
import { configurationOf, followLog, submitRun } from "./runPath.ts";

const LINES = 2_500_000;
const LINE = `${"0123456789".repeat(7)}abcdefgh`;
/** A terminal ends lines with two characters. */
const BYTES = LINES * (LINE.length + 2);

const expectedSha256 = (): string => {
  const hasher = new Bun.CryptoHasher("sha256");
  const thousand = `${LINE}\r\n`.repeat(1000);
  for (let at = 0; at < LINES / 1000; at += 1) hasher.update(thousand);
  return hasher.digest("hex");
};

/** One job writes as fast as it can; what the follower got must be every byte of it. */
export const measureThroughput = async (part: Part): Promise<void> => {
  const { coordinator, report } = part;
  const expected = expectedSha256();
  for (const runtime of runtimesOf(part)) {
    const name = `bench-throughput-${runtime}`;
    const commands = [`yes ${LINE} | head -n ${LINES}`];
    const { submissionId } = await submitRun(coordinator, configurationOf(runtime, name, commands));
    const hasher = new Bun.CryptoHasher("sha256");
    let [length, firstAt] = [0, Number.NaN];
    await followLog(coordinator, { name, submissionId }, (bytes) => {
      // An interactive shell may greet before the command's own output begins.
      const begin = length === 0 ? Buffer.from(bytes).indexOf(LINE) : 0;
      if (begin < 0) return;
      if (length === 0) firstAt = performance.now();
      length += bytes.length - begin;
      hasher.update(bytes.subarray(begin));
    });
    const seconds = (performance.now() - firstAt) / 1000;
    if (hasher.digest("hex") !== expected) {
      throw new Error(`The output of "${name}" is not what it wrote: ${length} bytes of ${BYTES}`);
    }
    report.figure(
      `${(BYTES / 1e6).toFixed(0)} MB of output of one job, complete by SHA-256 (${runtime})`,
      `${(BYTES / 1e6 / seconds).toFixed(0)} MB/s`,
    );
  }
};
