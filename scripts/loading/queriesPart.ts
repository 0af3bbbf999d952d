import { percentile } from "../benching/stats.ts";
import { databaseOf, waitForAnswers } from "./cluster.ts";
import { ms } from "./figures.ts";
import { insertHistory } from "./history.ts";
import type { PartContext } from "./part.ts";
import { submitAll } from "./submit.ts";

const MOST = { p50: 50, p99: 200 };
const CONNECTIONS = 16;
const LEAST_PER_SECOND = { "runs/list": 2_500, get_plan: 1_500 };
const MOST_LOADED_P99_MS = 30;

/** Calls with the same body, each after the one before. */
interface Call {
  path: string;
  body: unknown;
}

const plan = (): Call => {
  const configuration = { type: "task", name: "plan", commands: ["true"] };
  return {
    path: "/api/project/main/runs/get_plan",
    body: { run_spec: { run_name: "plan", configuration } },
  };
};
const ps = (limit: number): Call => ({
  path: "/api/runs/list",
  body: { project_name: "main", only_active: false, limit },
});

/** What people ask for, with many hosts and much history. */
export const measureQueries = async (context: PartContext): Promise<void> => {
  const { cluster, scale } = context;
  const { coordinator, agents } = cluster;
  await submitAll(cluster, ["template"]);
  await coordinator.client.waitForEnd("template");
  await coordinator.program.stop();
  await insertHistory(databaseOf(coordinator), scale.history);
  const begin = performance.now();
  await coordinator.restart();
  await waitForAnswers(agents, begin);
  await measureAlone(context, `plan (get_plan) with ${agents.length} hosts`, plan());
  await measureAlone(context, `ps with ${scale.history} runs of history, 100 a page`, ps(100));
  await measureLoaded(context, "runs/list", ps(1));
  await measureLoaded(context, "get_plan", plan());
};

const ask = async (
  api: ReturnType<PartContext["cluster"]["connect"]>,
  { path, body }: Call,
): Promise<number> => {
  const since = performance.now();
  const { status, text } = await api.post(path, body);
  if (status !== 200) throw new Error(`${path} answered ${status}: ${text}`);
  return performance.now() - since;
};

const measureAlone = async (
  { cluster, figures, scale }: PartContext,
  what: string,
  call: Call,
): Promise<void> => {
  using api = cluster.connect();
  for (let warm = 0; warm < 20; warm++) await ask(api, call);
  const times: number[] = [];
  while (times.length < scale.questions) times.push(await ask(api, call));
  const [p50, p99] = [percentile(times, 0.5), percentile(times, 0.99)];
  figures.add({
    what,
    target: `p50 < ${MOST.p50} ms, p99 < ${MOST.p99} ms`,
    measured: `p50 ${ms(p50)}, p99 ${ms(p99)}`,
    ok: p50 < MOST.p50 && p99 < MOST.p99,
  });
};

const measureLoaded = async (
  { cluster, figures, scale }: PartContext,
  what: keyof typeof LEAST_PER_SECOND,
  call: Call,
): Promise<void> => {
  const times: number[] = [];
  const begin = performance.now();
  const until = begin + scale.questionSeconds * 1_000;
  const client = async () => {
    using api = cluster.connect();
    while (performance.now() < until) times.push(await ask(api, call));
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, client));
  const perSecond = (times.length / (performance.now() - begin)) * 1_000;
  const p99 = percentile(times, 0.99);
  const target = `≥ ${LEAST_PER_SECOND[what]}/s, p99 < ${MOST_LOADED_P99_MS} ms`;
  figures.add({
    what: `${what} by ${CONNECTIONS} connections, ${cluster.agents.length} hosts`,
    target: `(later: ${target})`,
    measured: `${perSecond.toFixed(0)}/s, p99 ${ms(p99)}`,
    ok: undefined,
  });
};
