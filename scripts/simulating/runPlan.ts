import type { Random } from "./random.ts";

/** What somebody asks for. */
export interface RunPlan {
  nodes: number;
  /** The least, of each node. */
  cpu: number | undefined;
  priority: number;
  retry: unknown;
  /** In seconds. */
  maxDuration: number | undefined;
  stopDuration: number | undefined;
  startupOrder: "master-first" | "workers-first" | undefined;
  isScheduled: boolean;
}

/** What a run asks for that asks for no CPUs (docs/spec/lifecycle.md §2.1). */
const DEFAULT_CPUS = 2;

export const leastCpus = ({ cpu = DEFAULT_CPUS }: RunPlan): number => cpu;

export const drawRunPlan = (random: Random): RunPlan => {
  const nodes = random.chance(0.25) ? 2 + random.below(2) : 1;
  return {
    nodes,
    cpu: random.chance(0.3) ? random.pick([1, 4, 8]) : undefined,
    maxDuration: random.chance(0.2) ? 5 + random.below(120) : undefined,
    retry: random.chance(0.5) ? drawRetry(random) : undefined,
    priority: random.chance(0.2) ? random.below(101) : 0,
    stopDuration: random.chance(0.2) ? 1 + random.below(60) : undefined,
    startupOrder:
      nodes > 1 && random.chance(0.5) ? random.pick(["master-first", "workers-first"] as const) : undefined,
    isScheduled: random.chance(0.08),
  };
};

const drawRetry = (random: Random): unknown => {
  const events = ["no-capacity", "interruption", "error"].filter(() => random.chance(0.6));
  return random.chance(0.3) || events.length === 0
    ? true
    : { on_events: events, duration: `${1 + random.below(10)}m` };
};

export const configurationOf = (plan: RunPlan): Record<string, unknown> => {
  const { nodes, cpu, priority, retry, maxDuration, stopDuration, startupOrder, isScheduled } = plan;
  return {
    type: "task",
    commands: ["true"],
    ...(nodes > 1 ? { nodes } : {}),
    ...(cpu === undefined ? {} : { resources: { cpu: `${cpu}..` } }),
    ...(priority === 0 ? {} : { priority }),
    ...(retry === undefined ? {} : { retry }),
    ...(maxDuration === undefined ? {} : { max_duration: maxDuration }),
    ...(stopDuration === undefined ? {} : { stop_duration: stopDuration }),
    ...(startupOrder === undefined ? {} : { startup_order: startupOrder }),
    ...(isScheduled ? { schedule: { cron: "* * * * *" } } : {}),
  };
};
