import { closeSync, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import { SpoolWriter } from "../../agent/jobs/spool.ts";
import { TEST_IMAGE } from "../e2e/harness/image.ts";
import type { Runtime } from "../e2e/harness/system.ts";
import { type Part, runtimesOf } from "./bench.ts";
import { bigOutput, findBegin, heldLog, inMb, mbPerSecond, sizeOf, untilSize } from "./bigOutput.ts";
import { configurationOf, followLog, submitRun } from "./runPath.ts";

const MEGABYTES = 200;
const OUTPUT = bigOutput(MEGABYTES);
const WHAT = `${MEGABYTES} MB of output of one job`;

/**
 * One job writes as fast as it can; what the follower got must be every byte of it. In the same run: the same output by
 * the shortest ways that there are on this machine, which is what ours can be compared with.
 */
export const measureThroughput = async (part: Part): Promise<void> => {
  for (const runtime of runtimesOf(part)) {
    const raw = await (runtime === "docker" ? rawDocker(part) : rawTerminal(part));
    const compared = (speed: number) => `${inMb(speed)}, ${(speed / raw).toFixed(2)} of raw`;
    await measureJob(part, runtime, compared);
  }
  await measureBacklog(part);
};

const submit = async (part: Part, runtime: Runtime, name: string) => {
  const agent = part.agents[runtime];
  if (!agent) throw new Error(`There is no agent with the ${runtime} runtime`);
  const configuration = configurationOf(runtime, name, [OUTPUT.command]);
  const { submissionId } = await submitRun(part.coordinator, configuration);
  return { submissionId, spool: join(agent.stateDir, "jobs", submissionId, "spool") };
};

const measureJob = async (
  part: Part,
  runtime: Runtime,
  compared: (speed: number) => string,
): Promise<void> => {
  const { coordinator, report } = part;
  const name = `bench-throughput-${runtime}`;
  const { submissionId, spool } = await submit(part, runtime, name);
  const spooled = untilSize(spool, OUTPUT.bytes);
  const hasher = new Bun.CryptoHasher("sha256");
  let [length, firstAt] = [0, Number.NaN];
  await followLog(coordinator, { name, submissionId }, (bytes) => {
    const begin = length === 0 ? findBegin(bytes) : 0;
    if (begin === undefined) return;
    if (length === 0) firstAt = performance.now();
    length += bytes.length - begin;
    hasher.update(bytes.subarray(begin));
  });
  const ms = performance.now() - firstAt;
  if (hasher.digest("hex") !== OUTPUT.sha256())
    throw new Error(`The output of "${name}" is not what it wrote: ${length} bytes of ${OUTPUT.bytes}`);
  const spooledMs = (await spooled) - firstAt;
  report.figure(`${WHAT} into the spool (${runtime})`, compared(mbPerSecond(OUTPUT.bytes, spooledMs)));
  report.figure(
    `${WHAT} to a client, complete by SHA-256 (${runtime})`,
    compared(mbPerSecond(OUTPUT.bytes, ms)),
  );
};

/** What a host has spooled while its coordinator was away, sent when it is there again. */
const measureBacklog = async (part: Part): Promise<void> => {
  const { coordinator, report, dir } = part;
  const name = "bench-backlog";
  const { submissionId, spool } = await submit(part, "process", name);
  await untilSize(spool, 1);
  coordinator.program.freeze();
  await untilSize(spool, OUTPUT.bytes);
  const held = heldLog(coordinator, submissionId);
  const heldBefore = sizeOf(held);
  // While the spool is there: it goes with its job.
  const raw = await timeToFile(["cat", spool], `${dir}-raw`);
  const thawedAt = performance.now();
  coordinator.program.thaw();
  const speed = mbPerSecond(OUTPUT.bytes - heldBefore, (await untilSize(held, OUTPUT.bytes)) - thawedAt);
  report.figure("the spool into a file, by cat (raw)", inMb(raw));
  report.figure(
    `${WHAT}, spooled already, to the coordinator`,
    `${inMb(speed)}, ${(speed / raw).toFixed(2)} of raw`,
  );
  await coordinator.client.waitForEnd(name);
};

/** The command's output into a file, without anything between. */
const timeToFile = async (command: readonly string[], file: string): Promise<number> => {
  const out = openSync(file, "w");
  const startedAt = performance.now();
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: out, stderr: "inherit" });
  const code = await child.exited;
  closeSync(out);
  if (code !== 0) throw new Error(`"${command.slice(0, 4).join(" ")} …" ended with ${code}`);
  return mbPerSecond(OUTPUT.bytes, performance.now() - startedAt);
};

/** What is ours of a job's way into its spool: the terminal, which is the kernel's, left out. */
const timeSpool = async (file: string): Promise<number> => {
  rmSync(file, { force: true });
  const spool = new SpoolWriter(file, { perHour: 0 });
  const startedAt = performance.now();
  const child = Bun.spawn(["sh", "-c", OUTPUT.command], { stdin: "ignore", stdout: "pipe" });
  for await (const bytes of child.stdout) await spool.append(bytes);
  await spool.end();
  return mbPerSecond(sizeOf(file), performance.now() - startedAt);
};

const rawTerminal = async ({ dir, report }: Part): Promise<number> => {
  const file = `${dir}-raw`;
  const { command } = OUTPUT;
  report.figure(
    "the same into a file, no terminal (raw)",
    inMb(await timeToFile(["sh", "-c", command], file)),
  );
  // script(1) copies what a terminal shows, in C.
  report.figure("the same through the spool's writer, no terminal", inMb(await timeSpool(file)));
  const raw = await timeToFile(["script", "-q", "-e", "-c", command, "/dev/null"], file);
  report.figure("the same over a terminal into a file, by script(1) (raw)", inMb(raw));
  return raw;
};

const rawDocker = async ({ dir, report, engine }: Part): Promise<number> => {
  if (!engine) throw new Error("There is no engine");
  const [file, name] = [`${dir}-raw`, "bench-raw"];
  const docker = ["docker", "--host", engine.address];
  const log = ["--log-driver", "local", "--log-opt", "max-size=4g", "--log-opt", "compress=false"];
  const run = ["run", "-t", "--name", name, "--network", "host", ...log, TEST_IMAGE, "sh", "-c"];
  const raw = await timeToFile([...docker, ...run, OUTPUT.command], file);
  report.figure("the same by docker run -t into a file (raw)", inMb(raw));
  const logs = await timeToFile([...docker, "logs", name], file);
  report.figure("the same by docker logs into a file (raw)", inMb(logs));
  await engine.docker("rm", "-f", name);
  return raw;
};
