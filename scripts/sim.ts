/** Tries the engine, the store and the agents with seeded faults. See `--help`. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { BREAKS, isBreak } from "./simulating/breaks.ts";
import { FAULT_NAMES, type Fault } from "./simulating/faults.ts";
import { add, NOTHING, runPool, type Totals } from "./simulating/pool.ts";
import { shrink } from "./simulating/shrink.ts";
import { makeTemplate, type Outcome, type SimulationOptions, simulate } from "./simulating/simulation.ts";

const HELP = `Usage: ./scripts/sim [--seeds N] [--seed S] [--steps N] [--faults LIST] [--break RULE] [--trace]

Runs the real engine, store and agents against simulated hosts, clouds, network and clocks, with faults drawn from a
seed, and checks after every step what must always hold, whenever nothing is under way that nobody waits while there is
room, and at the end that everything has reached its right end. The same seed does the same, step by step. Exits with 1
when a seed fails; the seed is printed with what went wrong.

  --seeds N      how many seeds (default: 10000)
  --seed S       the first one (default: 1)
  --steps N      steps under faults for each seed, from half to three times as many; then they stop (default: 30)
  --seconds N    begin nothing further after this time
  --workers N    processes to share the seeds (default: one for each processor)
  --faults LIST  only these, by commas: ${FAULT_NAMES.join(", ")}
  --hosts N      at most this many hosts
  --runs N       at most this many runs
  --break RULE   breaks a rule, to see that it is noticed: ${Object.keys(BREAKS).join(", ")}
  --trace        prints all that happened in a seed that failed, and does not look for a smaller one
  --json         prints what it came to as one line of JSON
`;

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "10000" },
    seed: { type: "string", default: "1" },
    steps: { type: "string", default: "30" },
    seconds: { type: "string" },
    workers: { type: "string" },
    faults: { type: "string" },
    hosts: { type: "string" },
    runs: { type: "string" },
    break: { type: "string" },
    trace: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    help: { type: "boolean", short: "h" },
  },
});

const say = (line: string) => void process.stdout.write(`${line}\n`);

const number = (name: string, text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new Error(`--${name} takes a whole number, not "${text}"`);
  return value;
};

const chosenFaults = (text: string | undefined): Set<Fault> => {
  if (text === undefined) return new Set(FAULT_NAMES);
  const names = text.split(",").filter((name) => name !== "");
  const unknown = names.find((name) => !(FAULT_NAMES as string[]).includes(name));
  if (unknown !== undefined) throw new Error(`Unknown fault "${unknown}"; see --help`);
  return new Set(names as Fault[]);
};

/** Below this, starting another process costs more than it saves. */
const ALONE = 40;

const main = async (): Promise<void> => {
  if (values.break !== undefined && !isBreak(values.break))
    throw new Error(`Unknown rule "${values.break}"; see --help`);
  const given: Omit<SimulationOptions, "seed" | "dir" | "template"> = {
    steps: number("steps", values.steps),
    faults: chosenFaults(values.faults),
    broken: values.break,
    ...(values.hosts === undefined ? {} : { mostHosts: number("hosts", values.hosts) }),
    ...(values.runs === undefined ? {} : { mostRuns: number("runs", values.runs) }),
  };
  const [first, seeds] = [number("seed", values.seed), number("seeds", values.seeds)];
  const workers = values.workers === undefined ? availableParallelism() : number("workers", values.workers);
  const startedAt = performance.now();
  const seconds = () => (performance.now() - startedAt) / 1000;
  const limit = values.seconds === undefined ? Number.POSITIVE_INFINITY : number("seconds", values.seconds);
  const isOver = () => seconds() >= limit;
  const tell = (totals: Totals) =>
    `${totals.seeds} seeds, ${totals.steps} steps, ${totals.runs} runs, ${totals.executions} executions in ${seconds().toFixed(1)} s`;
  const totals =
    workers < 2 || seeds < ALONE
      ? await runAlone(given, { first, seeds, isOver })
      : await runPool({ first, seeds, workers, command, isOver, onProgress: (sum) => say(tell(sum)) });
  if (totals.failure !== undefined) process.exitCode = 1;
  if (values.json) return say(JSON.stringify(totals));
  if (totals.failure !== undefined) say(totals.failure);
  say(tell(totals));
};

/** The same options for another process, and these seeds. */
const command = (first: number, seeds: number): string[] => {
  const passed = (["steps", "faults", "hosts", "runs", "break"] as const).flatMap((name) => {
    const value = values[name];
    return value === undefined ? [] : [`--${name}=${value}`];
  });
  const own = [`--seed=${first}`, `--seeds=${seeds}`, "--workers=1", "--json"];
  return [process.execPath, import.meta.path, ...own, ...passed, ...(values.trace ? ["--trace"] : [])];
};

const runAlone = async (
  given: Omit<SimulationOptions, "seed" | "dir" | "template">,
  { first, seeds, isOver }: { first: number; seeds: number; isOver: () => boolean },
): Promise<Totals> => {
  const root = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "dstack-sim-"));
  try {
    const template = await makeTemplate(root);
    const runSeed = async (seed: number, other: Partial<SimulationOptions> = {}): Promise<Outcome> => {
      const dir = join(root, String(seed));
      try {
        return await simulate({ ...given, ...other, template, seed, dir });
      } finally {
        rmSync(dir, { recursive: true, force: true });
      }
    };
    let totals = NOTHING;
    for (let seed = first; seed < first + seeds && totals.failure === undefined && !isOver(); seed++) {
      const outcome = await runSeed(seed);
      totals = add(totals, { ...outcome, seeds: 1, failure: undefined });
      if (outcome.bug === undefined) continue;
      const failed = `Seed ${seed} failed at step ${outcome.steps}: ${outcome.bug}`;
      const more = values.trace ? outcome.trace.join("\n") : await shrink(given, runSeed, seed);
      totals = { ...totals, failure: `${failed}\n${more}` };
    }
    return totals;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
};

if (values.help) process.stdout.write(HELP);
else await main();
