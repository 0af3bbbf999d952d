import { percentile } from "../benching/stats.ts";
import { ms } from "./figures.ts";
import type { PartContext } from "./part.ts";
import { namesOf, submitAll } from "./submit.ts";

const LEAST_PER_SECOND = 1_000;
const RATE = 100;
const MOST_P99_MS = 500;

const LATENCY_PLOT = {
  name: "latency",
  title: "From submission to a host's durable claim, 99 of 100 within",
  x: "seconds",
  y: "ms",
};

export const measureDispatch = async (context: PartContext): Promise<void> => {
  const { cluster, scale } = context;
  await submitAll(cluster, namesOf(`first-${cluster.agents.length}`, scale.growthJobs / 4), RATE);
  if (cluster.agents.length === scale.middle) await measureRate(context);
  else await measureLatency(context);
};

const measureRate = async ({ cluster, figures, scale }: PartContext): Promise<void> => {
  const { times, seconds } = await submitAll(cluster, namesOf("fast", scale.jobs));
  const perSecond = scale.jobs / seconds;
  figures.add({
    what: `dispatch of ${scale.jobs} jobs with ${scale.middle} hosts, durable, sustained`,
    target: `≥ ${LEAST_PER_SECOND} jobs/s`,
    measured: `${perSecond.toFixed(0)} jobs/s, p99 ${ms(percentile(times, 0.99))}`,
    ok: perSecond >= LEAST_PER_SECOND,
  });
};

const measureLatency = async ({ cluster, figures, scale }: PartContext): Promise<void> => {
  const begin = performance.now();
  const { times, at } = await submitAll(cluster, namesOf("steady", RATE * scale.latencySeconds), RATE);
  const bySecond = Map.groupBy(times.keys(), (index) => Math.floor(((at[index] ?? 0) - begin) / 1_000));
  for (const [second, indexes] of [...bySecond].sort(([a], [b]) => a - b)) {
    const own = [...indexes].map((index) => times[index] ?? 0);
    figures.point(LATENCY_PLOT, "p99", [second, percentile(own, 0.99)]);
    figures.point(LATENCY_PLOT, "p50", [second, percentile(own, 0.5)]);
  }
  const p99 = percentile(times, 0.99);
  figures.add({
    what: `submission to durable claim at ${RATE} jobs/s, ${cluster.agents.length} agents`,
    target: `p99 < ${MOST_P99_MS} ms`,
    measured: `p50 ${ms(percentile(times, 0.5))}, p99 ${ms(p99)}`,
    ok: p99 < MOST_P99_MS,
  });
};
