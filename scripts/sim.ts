/** Tries the engine, the store and the agents with seeded faults. See `--help`. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { BREAKS, isBreak } from "./simulating/breaks.ts";
import { FAULT_NAMES, type Fault } from "./simulating/faults.ts";
import { makeTemplate, type Outcome, type SimulationOptions, simulate } from "./simulating/simulation.ts";

const HELP = `Usage: ./scripts/sim [--seeds N] [--seed S] [--steps N] [--faults LIST] [--break RULE] [--trace]

Runs the real engine, store and agents against simulated hosts, network and clocks, with faults drawn from a seed, and
checks after every step what must always hold, and at the end that everything has reached its right end. The same seed
does the same, step by step. Exits with 1 when a seed fails; the seed is printed with what went wrong.

  --seeds N      how many seeds (default: 100)
  --seed S       the first one (default: 1)
  --steps N      steps under faults for each seed; then they stop (default: 200)
  --seconds N    begin no further seed after this time
  --faults LIST  only these, by commas: ${FAULT_NAMES.join(", ")}
  --hosts N      at most this many hosts
  --runs N       at most this many runs
  --break RULE   breaks a rule, to see that it is noticed: ${Object.keys(BREAKS).join(", ")}
  --trace        prints all that happened in a seed that failed, and does not look for a smaller one
`;

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "100" },
    seed: { type: "string", default: "1" },
    steps: { type: "string", default: "200" },
    seconds: { type: "string" },
    faults: { type: "string" },
    hosts: { type: "string" },
    runs: { type: "string" },
    break: { type: "string" },
    trace: { type: "boolean", default: false },
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

const main = async (): Promise<void> => {
  if (values.break !== undefined && !isBreak(values.break))
    throw new Error(`Unknown rule "${values.break}"; see --help`);
  const root = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "dstack-sim-"));
  try {
    const template = await makeTemplate(root);
    const given: Omit<SimulationOptions, "seed" | "dir"> = {
      steps: number("steps", values.steps),
      template,
      faults: chosenFaults(values.faults),
      broken: values.break,
      ...(values.hosts === undefined ? {} : { mostHosts: number("hosts", values.hosts) }),
      ...(values.runs === undefined ? {} : { mostRuns: number("runs", values.runs) }),
    };
    const runSeed = async (seed: number, other: Partial<SimulationOptions> = {}): Promise<Outcome> => {
      const dir = join(root, String(seed));
      try {
        return await simulate({ ...given, ...other, seed, dir });
      } finally {
        rmSync(dir, { recursive: true, force: true });
      }
    };
    await runAll(given, runSeed);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
};

type RunSeed = (seed: number, other?: Partial<SimulationOptions>) => Promise<Outcome>;

const runAll = async (given: Omit<SimulationOptions, "seed" | "dir">, runSeed: RunSeed): Promise<void> => {
  const startedAt = performance.now();
  const seconds = () => (performance.now() - startedAt) / 1000;
  const first = number("seed", values.seed);
  const limit = values.seconds === undefined ? Number.POSITIVE_INFINITY : number("seconds", values.seconds);
  const total = { seeds: 0, steps: 0, runs: 0, executions: 0 };
  for (let seed = first; seed < first + number("seeds", values.seeds) && seconds() < limit; seed++) {
    const outcome = await runSeed(seed);
    total.seeds++;
    for (const key of ["steps", "runs", "executions"] as const) total[key] += outcome[key];
    if (outcome.bug === undefined) continue;
    process.exitCode = 1;
    say(`Seed ${seed} failed at step ${outcome.steps}: ${outcome.bug}`);
    if (values.trace) say(outcome.trace.join("\n"));
    else say(await shrink(given, runSeed, outcome));
    break;
  }
  const { seeds, steps, runs, executions } = total;
  say(`${seeds} seeds, ${steps} steps, ${runs} runs, ${executions} executions in ${seconds().toFixed(1)} s`);
};

/** Takes faults, hosts and runs away for as long as it still fails; answers how to see what is left. */
const shrink = async (
  given: Omit<SimulationOptions, "seed" | "dir">,
  runSeed: RunSeed,
  { seed }: Outcome,
): Promise<string> => {
  let smallest: Partial<SimulationOptions> = given;
  const attempt = async (other: Partial<SimulationOptions>) => {
    const next = { ...smallest, ...other };
    if ((await runSeed(seed, next)).bug !== undefined) smallest = next;
  };
  for (const fault of given.faults)
    await attempt({ faults: new Set([...(smallest.faults ?? [])].filter((one) => one !== fault)) });
  for (const mostHosts of [1, 2, 3]) if (smallest.mostHosts === given.mostHosts) await attempt({ mostHosts });
  for (const mostRuns of [1, 2, 4]) if (smallest.mostRuns === given.mostRuns) await attempt({ mostRuns });
  const { bug, steps } = await runSeed(seed, smallest);
  const flags = [
    `--seed ${seed} --seeds 1 --steps ${given.steps}`,
    `--faults ${[...(smallest.faults ?? [])].join(",") || '""'}`,
    ...(smallest.mostHosts === undefined ? [] : [`--hosts ${smallest.mostHosts}`]),
    ...(smallest.mostRuns === undefined ? [] : [`--runs ${smallest.mostRuns}`]),
    ...(given.broken === undefined ? [] : [`--break ${given.broken}`]),
  ];
  return `In short, at step ${steps}: ${bug}\nSee it with: ./scripts/sim ${flags.join(" ")} --trace`;
};

if (values.help) process.stdout.write(HELP);
else await main();
