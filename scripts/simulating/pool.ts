import type { Subprocess } from "bun";

/** What a stretch of seeds came to: the last line that a worker writes. */
export interface Totals {
  seeds: number;
  steps: number;
  runs: number;
  executions: number;
  /** What is to be told of the first seed that failed. */
  failure?: string | undefined;
}

export const NOTHING: Totals = { seeds: 0, steps: 0, runs: 0, executions: 0 };

export const add = (one: Totals, other: Totals): Totals => ({
  seeds: one.seeds + other.seeds,
  steps: one.steps + other.steps,
  runs: one.runs + other.runs,
  executions: one.executions + other.executions,
  failure: one.failure ?? other.failure,
});

export interface PoolOptions {
  first: number;
  seeds: number;
  workers: number;
  /** Starts a worker for these seeds; it writes its {@link Totals} as one line of JSON. */
  command: (first: number, seeds: number) => string[];
  /** No further stretch is begun when this says so. */
  isOver: () => boolean;
  onProgress: (totals: Totals) => void;
}

/** A process is replaced after so many: none grows old, and a seed that fails is told soon. */
const STRETCH = 100;

/**
 * Shares seeds out to processes, for each lays simulated time over the whole of one. The first failure ends all. A
 * worker that dies without a word is a failure too, told with what it said.
 */
export const runPool = async (options: PoolOptions): Promise<Totals> => {
  const end = options.first + options.seeds;
  const children = new Set<Subprocess>();
  // Few seeds are shared, too.
  const stretch = Math.min(STRETCH, Math.ceil(options.seeds / options.workers));
  let next = options.first;
  let totals = NOTHING;
  const work = async () => {
    while (next < end && totals.failure === undefined && !options.isOver()) {
      const first = next;
      next = Math.min(end, first + stretch);
      const done = await runStretch(options.command(first, next - first), children);
      totals = add(totals, done);
      if (totals.failure !== undefined) for (const child of children) child.kill();
      else options.onProgress(totals);
    }
  };
  await Promise.all(Array.from({ length: options.workers }, work));
  return totals;
};

const runStretch = async (command: string[], children: Set<Subprocess>): Promise<Totals> => {
  const child = Bun.spawn(command, { stdout: "pipe", stderr: "pipe" });
  children.add(child);
  const [output, errors, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  children.delete(child);
  // Ended because another has failed.
  if (child.signalCode === "SIGTERM") return NOTHING;
  try {
    return JSON.parse(output.trimEnd().split("\n").at(-1) ?? "") as Totals;
  } catch {
    return { ...NOTHING, failure: `A worker ended with ${code}: ${command.join(" ")}\n${output}${errors}` };
  }
};
