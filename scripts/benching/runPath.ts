import { Run } from "../../shared/api/runs.ts";
import { isFinalRun } from "../../shared/states.ts";
import type { Coordinator } from "../e2e/harness/coordinator.ts";
import { TEST_IMAGE } from "../e2e/harness/image.ts";
import { type Runtime, SMALL } from "../e2e/harness/system.ts";

/** When each step of one run's way was seen, in milliseconds since the apply request was sent. */
export interface RunTimes {
  /** The request was answered. */
  answered: number;
  /** The job's command began, by the host's clock. */
  started: number;
  /** The first byte of its output arrived at a client that follows. */
  firstByte: number;
  /** A client that watches saw the job running. */
  running: number;
  /** The command's last instruction, by the host's clock. */
  ended: number;
  /** A client that watches saw the run's final status. */
  final: number;
}

/** Prints the time of day; what busybox can tell is the time that a file was written, to 4 ms. */
export const NOW: Record<Runtime, string> = {
  process: 'date "+%Y-%m-%d %H:%M:%S.%N %z"',
  docker: "touch /tmp/now; stat -c %y /tmp/now",
};

/** Two times are printed: as the first and as the last thing that the command does. */
const timedCommands = (runtime: Runtime): string[] => [NOW[runtime], NOW[runtime]];

export const configurationOf = (runtime: Runtime, name: string, commands: readonly string[]) => ({
  type: "task",
  name,
  fleets: [runtime],
  commands,
  resources: SMALL,
  ...(runtime === "docker" ? { image: TEST_IMAGE } : {}),
});

/** Milliseconds since 1970 with their fraction, from each `2026-01-31 12:00:00.123456789 +0000` of an output. */
export const timesIn = (output: string): number[] =>
  [...output.matchAll(/^(\S+) (\S+)\.(\d+) ([+-]\d\d)(\d\d)\r?$/gm)].map(
    ([, date, time, fraction, hours, minutes]) =>
      Date.parse(`${date}T${time}${hours}:${minutes}`) + Number(`0.${fraction}`) * 1000,
  );

export const submitRun = async (
  { client }: Coordinator,
  configuration: ReturnType<typeof configurationOf>,
): Promise<{ run: Run; submissionId: string }> => {
  const run_spec = { run_name: configuration.name, configuration };
  const answer = await client.post("runs/apply", {
    plan: { run_spec, current_resource: null },
    force: false,
  });
  if (!answer.ok) throw new Error(`runs/apply answered ${answer.status}: ${await answer.text()}`);
  const run = Run.parse(await answer.json());
  const submissionId = run.jobs[0]?.job_submissions[0]?.id;
  if (submissionId === undefined) throw new Error(`The new run "${configuration.name}" has no submission`);
  return { run, submissionId };
};

/** Follows a run's output to its end; `onFirst` is called with the first byte. */
export const followLog = async (
  { client }: Coordinator,
  ids: { name: string; submissionId: string },
  onBytes: (bytes: Uint8Array) => void,
): Promise<void> => {
  const body = { run_name: ids.name, job_submission_id: ids.submissionId, follow: true };
  const answer = await client.post("logs/stream", body);
  if (!answer.ok || !answer.body) throw new Error(`logs/stream answered ${answer.status}`);
  for await (const bytes of answer.body) onBytes(bytes);
};

/** Watches a run until it is final. */
export const watchRun = async (
  { client }: Coordinator,
  name: string,
  onChange: (run: Run) => void,
): Promise<void> => {
  const answer = await client.post("runs/watch", { run_name: name });
  if (!answer.ok || !answer.body) throw new Error(`runs/watch answered ${answer.status}`);
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of answer.body) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines.filter((text) => text.trim() !== "")) onChange(Run.parse(JSON.parse(line)));
  }
};

/** One run from the request to its final status, watched and followed by a client as the CLI does it. */
export const measureRun = async (
  coordinator: Coordinator,
  runtime: Runtime,
  name: string,
): Promise<RunTimes> => {
  // Both clocks are of this machine; the job's is the time of day.
  const sentAt = performance.timeOrigin + performance.now();
  const since = () => performance.timeOrigin + performance.now() - sentAt;
  const { submissionId } = await submitRun(
    coordinator,
    configurationOf(runtime, name, timedCommands(runtime)),
  );
  const answered = since();
  const seen: { running?: number; firstByte?: number; final?: number } = {};
  const decoder = new TextDecoder();
  let output = "";
  await Promise.all([
    followLog(coordinator, { name, submissionId }, (bytes) => {
      seen.firstByte ??= since();
      output += decoder.decode(bytes, { stream: true });
    }),
    watchRun(coordinator, name, ({ status }) => {
      if (status === "running") seen.running ??= since();
      if (isFinalRun(status)) seen.final ??= since();
    }),
  ]);
  const [first, last] = timesIn(output);
  const { firstByte, final } = seen;
  if (first === undefined || last === undefined || firstByte === undefined || final === undefined) {
    throw new Error(`Run "${name}" did not print its two times; it wrote:\n${output}`);
  }
  // A run so short that the watcher was told of its end only was running no later than that.
  const running = seen.running ?? final;
  return { answered, started: first - sentAt, firstByte, running, ended: last - sentAt, final };
};
