import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { JobSubmissionLogs } from "../../shared/api/logs.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { cleanEnvironment, DSTACK } from "../e2e/harness/programs.ts";
import type { Part } from "./bench.ts";
import { bigOutput, findBegin, inMb, mbPerSecond } from "./bigOutput.ts";
import { ownMemory } from "./probe.ts";
import { configurationOf, submitRun } from "./runPath.ts";

const SIZES_MB = [50, 200];
const LOOK_MS = 10;
/** What reads a terminal's output over a thin line. */
const SLOW_BYTES_PER_LOOK = 256 * 1024;

/** The output of jobs that are over, shown by the compiled command line, and page by page as stock clients ask for it. */
export const measureLogs = async (part: Part): Promise<void> => {
  using dir = tempDir();
  for (const megabytes of SIZES_MB) await measureOne(part, { megabytes, file: join(dir.path, "shown") });
};

const measureOne = async (
  part: Part,
  { megabytes, file }: { megabytes: number; file: string },
): Promise<void> => {
  const { coordinator, report, count } = part;
  const output = bigOutput(megabytes);
  const name = `bench-logs-${megabytes}`;
  const { submissionId } = await submitRun(coordinator, configurationOf("process", name, [output.command]));
  await coordinator.client.waitForEnd(name, 120_000);
  const what = `${megabytes} MB of a job that is over`;
  const times = Math.max(1, Math.min(5, count));
  const toFile: Shown[] = [];
  const toPipe: Shown[] = [];
  for (let at = 0; at < times; at++) {
    toFile.push(await showInto(part, name, { file }));
    checkOutput(await Bun.file(file).bytes(), output);
    toPipe.push(await showInto(part, name, { bytesPerLook: Number.POSITIVE_INFINITY }));
  }
  const speed = (shown: readonly Shown[]) =>
    inMb(
      mbPerSecond(output.bytes, shown.map(({ ms }) => ms).toSorted((a, b) => a - b)[shown.length >> 1] ?? 0),
    );
  const memory = (shown: readonly Shown[]) =>
    `at most ${Math.max(...shown.map(({ mib }) => mib)).toFixed(0)} MiB`;
  report.figure(
    `${what}, by dstack logs into a file, complete by SHA-256`,
    `${speed(toFile)}, ${memory(toFile)}`,
  );
  report.figure(`${what}, by dstack logs into a pipe`, `${speed(toPipe)}, ${memory(toPipe)}`);
  if (megabytes === SIZES_MB.at(-1)) {
    const slow = await showInto(part, name, { bytesPerLook: SLOW_BYTES_PER_LOOK });
    report.figure(`${what}, into a pipe whose reader is slow (${speed([slow])})`, memory([slow]));
  }
  const pages = await readPages(part, { name, submissionId });
  checkOutput(pages.bytes, output);
  report.figure(
    `${what}, by logs/poll in pages of 1000 (${pages.count} of them)`,
    inMb(mbPerSecond(output.bytes, pages.ms)),
  );
};

const checkOutput = (bytes: Uint8Array, output: ReturnType<typeof bigOutput>): void => {
  const own = bytes.subarray(findBegin(bytes) ?? 0);
  if (new Bun.CryptoHasher("sha256").update(own).digest("hex") !== output.sha256())
    throw new Error(`What was shown is not what was written: ${own.length} bytes of ${output.bytes}`);
};

interface Shown {
  readonly ms: number;
  /** The command's own memory, at most. */
  readonly mib: number;
}

/** `dstack logs` into a file, or into a pipe that is read so fast. */
const showInto = async (
  { coordinator: { home } }: Part,
  name: string,
  into: { file: string } | { bytesPerLook: number },
): Promise<Shown> => {
  const out = "file" in into ? openSync(into.file, "w") : undefined;
  const startedAt = performance.now();
  const child = Bun.spawn([DSTACK, "logs", name], {
    env: cleanEnvironment(home),
    stdin: "ignore",
    stdout: out ?? "pipe",
    stderr: "inherit",
  });
  let mib = 0;
  const looking = setInterval(() => {
    mib = Math.max(mib, ownMemory(child.pid) ?? 0);
  }, LOOK_MS);
  if (child.stdout instanceof ReadableStream && "bytesPerLook" in into) {
    let due = 0;
    for await (const bytes of child.stdout) {
      due += bytes.length;
      if (due < into.bytesPerLook) continue;
      due = 0;
      await Bun.sleep(LOOK_MS);
    }
  }
  const code = await child.exited;
  const ms = performance.now() - startedAt;
  clearInterval(looking);
  if (out !== undefined) closeSync(out);
  if (code !== 0) throw new Error(`dstack logs ${name} ended with ${code}`);
  return { ms, mib };
};

const readPages = async (
  { coordinator: { client } }: Part,
  { name, submissionId }: { name: string; submissionId: string },
): Promise<{ bytes: Uint8Array; count: number; ms: number }> => {
  const pieces: Uint8Array[] = [];
  let ms = 0;
  let count = 0;
  for (let token: string | null = null; ; ) {
    const body = { run_name: name, job_submission_id: submissionId, limit: 1000, next_token: token };
    const startedAt = performance.now();
    const answer = await client.post("logs/poll", body);
    const text = await answer.text();
    ms += performance.now() - startedAt;
    count++;
    if (!answer.ok) throw new Error(`logs/poll answered ${answer.status}: ${text}`);
    const page = JobSubmissionLogs.parse(JSON.parse(text));
    for (const { message } of page.logs) pieces.push(Buffer.from(message, "base64"));
    token = page.next_token;
    if (token === null) return { bytes: new Uint8Array(Buffer.concat(pieces)), count, ms };
  }
};
