import { closeSync, openSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { delay } from "../../shared/async/delay.ts";
import { TEST_IMAGE } from "../e2e/harness/image.ts";
import { type Part, runtimesOf } from "./bench.ts";
import { configurationOf, followLog, submitRun } from "./runPath.ts";

const LINES = 2_500_000;
const LINE = `${"0123456789".repeat(7)}abcdefgh`;
/** A terminal ends lines with two characters. */
const BYTES = LINES * (LINE.length + 2);
const COMMAND = `yes ${LINE} | head -n ${LINES}`;
const LOOK_MS = 10;

const expectedSha256 = (): string => {
  const hasher = new Bun.CryptoHasher("sha256");
  const thousand = `${LINE}\r\n`.repeat(1000);
  for (let at = 0; at < LINES / 1000; at += 1) hasher.update(thousand);
  return hasher.digest("hex");
};

const speed = (seconds: number): number => BYTES / 1e6 / seconds;
const inMb = (mbPerSecond: number): string => `${mbPerSecond.toFixed(0)} MB/s`;

/**
 * One job writes as fast as it can; what the follower got must be every byte of it. In the same run: the same output by
 * the shortest way that there is on this machine, which is what ours can be compared with.
 */
export const measureThroughput = async (part: Part): Promise<void> => {
  const expected = expectedSha256();
  for (const runtime of runtimesOf(part)) {
    const raw = await (runtime === "docker" ? rawDocker(part) : rawTerminal(part));
    await measureJob(part, { runtime, expected, raw });
  }
};

interface Measured {
  runtime: "process" | "docker";
  expected: string;
  /** MB/s of the shortest way. */
  raw: number;
}

const measureJob = async (part: Part, { runtime, expected, raw }: Measured): Promise<void> => {
  const { coordinator, report, agents } = part;
  const name = `bench-throughput-${runtime}`;
  const { submissionId } = await submitRun(coordinator, configurationOf(runtime, name, [COMMAND]));
  const agent = agents[runtime];
  if (!agent) throw new Error(`There is no agent with the ${runtime} runtime`);
  const watched = watchSpool(join(agent.stateDir, "jobs", submissionId, "spool"), agent.program.pid);
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
  const { spooledAt, peakMb } = await watched;
  const what = `${(BYTES / 1e6).toFixed(0)} MB of output of one job`;
  const compared = (mb: number) => `${inMb(mb)}, ${(mb / raw).toFixed(2)} of raw`;
  report.figure(`${what} into the spool (${runtime})`, compared(speed((spooledAt - firstAt) / 1000)));
  report.figure(`${what} to a client, complete by SHA-256 (${runtime})`, compared(speed(seconds)));
  report.figure(`the agent's own memory meanwhile, at most (${runtime})`, `${peakMb.toFixed(0)} MB`);
};

/** Until all of it is there; with the most anonymous memory that the agent had. */
const watchSpool = async (path: string, pid: number) => {
  let peakKib = 0;
  for (;;) {
    const anonymous = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    peakKib = Math.max(peakKib, Number(anonymous ?? 0));
    const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    if (size >= BYTES) return { spooledAt: performance.now(), peakMb: peakKib / 1024 };
    await delay(LOOK_MS);
  }
};

/** The command's output into a file, without anything between. */
const timeToFile = async (command: readonly string[], file: string): Promise<number> => {
  const out = openSync(file, "w");
  const startedAt = performance.now();
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: out, stderr: "inherit" });
  const code = await child.exited;
  closeSync(out);
  if (code !== 0) throw new Error(`"${command.slice(0, 4).join(" ")} …" ended with ${code}`);
  return speed((performance.now() - startedAt) / 1000);
};

const rawTerminal = async ({ dir, report }: Part): Promise<number> => {
  const file = `${dir}-raw`;
  report.figure(
    "the same into a file, no terminal (raw)",
    inMb(await timeToFile(["sh", "-c", COMMAND], file)),
  );
  // script(1) copies what a terminal shows, in C.
  const raw = await timeToFile(["script", "-q", "-e", "-c", COMMAND, "/dev/null"], file);
  report.figure("the same over a terminal into a file, by script(1) (raw)", inMb(raw));
  return raw;
};

const rawDocker = async ({ dir, report, engine }: Part): Promise<number> => {
  if (!engine) throw new Error("There is no engine");
  const [file, name] = [`${dir}-raw`, "bench-raw"];
  const docker = ["docker", "--host", engine.address];
  const log = ["--log-driver", "local", "--log-opt", "max-size=4g", "--log-opt", "compress=false"];
  const raw = await timeToFile(
    [...docker, "run", "-t", "--name", name, "--network", "host", ...log, TEST_IMAGE, "sh", "-c", COMMAND],
    file,
  );
  report.figure("the same by docker run -t into a file (raw)", inMb(raw));
  const logs = await timeToFile([...docker, "logs", name], file);
  report.figure("the same by docker logs into a file (raw)", inMb(logs));
  await engine.docker("rm", "-f", name);
  return raw;
};
