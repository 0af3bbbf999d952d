import type { Part } from "../bench.ts";
import { bigOutput, findBegin, inMb, mbPerSecond } from "../bigOutput.ts";
import { configurationOf, submitRun } from "../runPath.ts";
import type { Person } from "./person.ts";
import { judged } from "./target.ts";

const SIZES_MB = [50, 200];
const LEAST_MB_PER_SECOND = 100;
/** What is left of a stock client that takes longer is not worth the wait. */
const LONGEST_MS = 240_000;

/** `dstack logs` of a job that has ended, into a pipe: is every byte of it there, and how fast does it come? */
export const measureLogs = async (part: Part, people: readonly Person[]): Promise<void> => {
  const { coordinator, report } = part;
  for (const megabytes of SIZES_MB) {
    const output = bigOutput(megabytes);
    const name = `clients-logs-${megabytes}`;
    await submitRun(coordinator, configurationOf("process", name, [output.command]));
    await coordinator.client.waitForEnd(name, 120_000);
    await coordinator.client.readLog(name, { follow: true });
    for (const person of people) {
      const { who, isOurs } = person;
      const { bytes, sha256, ms } = await readLogs(person, name);
      const isWhole = sha256 === output.sha256();
      const speed = mbPerSecond(bytes, ms);
      const shown = `${inMb(speed)}, ${isWhole ? "complete by SHA-256" : `${bytes} of ${output.bytes} bytes`}`;
      const isPromised = isOurs && megabytes === Math.max(...SIZES_MB);
      const isMet = isWhole && speed >= LEAST_MB_PER_SECOND;
      report.figure(
        `\`dstack logs\` of ${megabytes} MB, start to exit, ${who}`,
        isPromised ? judged(shown, isMet, `≥ ${LEAST_MB_PER_SECOND} MB/s, complete`) : shown,
      );
    }
  }
};

const readLogs = async (
  { program, cwd, env }: Person,
  name: string,
): Promise<{ bytes: number; sha256: string; ms: number }> => {
  const startedAt = performance.now();
  const child = Bun.spawn([program, "logs", name], {
    cwd,
    env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
    timeout: LONGEST_MS,
  });
  const hasher = new Bun.CryptoHasher("sha256");
  let bytes = 0;
  for await (const chunk of child.stdout) {
    const begin = bytes === 0 ? (findBegin(chunk) ?? 0) : 0;
    bytes += chunk.length - begin;
    hasher.update(chunk.subarray(begin));
  }
  await child.exited;
  return { bytes, sha256: hasher.digest("hex"), ms: performance.now() - startedAt };
};
