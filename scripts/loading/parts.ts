import { join } from "node:path";
import { delay } from "../../shared/async/delay.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { measureIdleCpu, readMemory } from "../benching/probe.ts";
import { percentile } from "../benching/stats.ts";
import type { Report } from "../benching/table.ts";
import { type Cluster, openCluster, waitForAnswers } from "./cluster.ts";
import { insertHistory } from "./history.ts";
import { writePlot } from "./plot.ts";

export interface Part {
  report: Report;
  dir: string;
  /** Where plots go; undefined: nowhere. */
  out: string | undefined;
  /** The most agents. */
  agents: number;
  say: (line: string) => void;
}

const SETTLE_MS = 3_000;
const MOST_IN_FLIGHT = 64;
const AS_FAST_AS_IT_GOES = 1_000_000;

const memoryOf = ({ coordinator }: Cluster) => readMemory(coordinator.program.pid);
const mib = (value: number) => `${value.toFixed(0)} MiB`;
const ms = (value: number) => `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`;

/** Memory and CPU of a coordinator whose agents have nothing to do. */
const measureIdle = async ({ report, dir, out, agents, say }: Part): Promise<void> => {
  const rss: [number, number][] = [];
  const cpu: [number, number][] = [];
  for (const count of [100, 1_000, 10_000].filter((one) => one <= agents)) {
    await using cluster = await openCluster(join(dir, String(count)), count, say);
    await delay(SETTLE_MS);
    // A little more than one round of polls.
    const [percent = 0] = await measureIdleCpu([cluster.coordinator.program.pid], count < agents ? 10 : 48);
    const { rssMib, anonymousMib } = memoryOf(cluster);
    rss.push([count, rssMib]);
    cpu.push([count, percent]);
    report.figure(
      `coordinator with ${count} idle agents`,
      `${mib(rssMib)} RSS, ${mib(anonymousMib)} anonymous, ${percent.toFixed(1)} % of a core`,
    );
  }
  if (out === undefined) return;
  writePlot(out, {
    name: "idle-rss",
    title: "Memory by connected agents",
    x: "agents",
    y: "MiB RSS",
    points: rss,
  });
  writePlot(out, {
    name: "idle-cpu",
    title: "CPU by idle agents",
    x: "agents",
    y: "% of a core",
    points: cpu,
  });
};

/** Submits runs and answers, for each, how long it took until the host's claim was durable. */
const submitAll = async (
  cluster: Cluster,
  names: readonly string[],
  perSecond: number,
): Promise<number[]> => {
  const { confirmed } = cluster.jobs;
  const submitted = new Map<string, number>();
  const begin = performance.now();
  let next = 0;
  const submitter = async () => {
    for (let at = next++; at < names.length; at = next++) {
      await delay(Math.max(0, begin + (at * 1000) / perSecond - performance.now()));
      const name = names[at] ?? "";
      const since = performance.now();
      const run_spec = {
        run_name: name,
        configuration: { type: "task", name, commands: ["true"], retry: true },
      };
      const answer = await cluster.coordinator.client.post("runs/apply", {
        plan: { run_spec, current_resource: null },
        force: false,
      });
      const run = (await answer.json()) as { jobs?: { job_submissions: { id: string }[] }[] };
      const id = run.jobs?.[0]?.job_submissions[0]?.id;
      if (id === undefined) throw new Error(`runs/apply answered ${answer.status}: ${JSON.stringify(run)}`);
      submitted.set(id, since);
      // Without a rate each waits for its host before the next: there is always one that is free.
      if (perSecond === AS_FAST_AS_IT_GOES) while (!confirmed.has(id)) await delay(1);
    }
  };
  await Promise.all(Array.from({ length: MOST_IN_FLIGHT }, submitter));
  await waitFor("all claims", () => [...submitted.keys()].every((id) => confirmed.has(id)), 30_000).catch(
    () => {
      const missing = [...submitted.keys()].filter((id) => !confirmed.has(id));
      throw new Error(`${missing.length} of ${submitted.size} jobs reached no host`);
    },
  );
  return [...submitted].map(([id, since]) => (confirmed.get(id) ?? Number.NaN) - since);
};

const namesOf = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, at) => `${prefix}-${at}`);

/** How many jobs a second find their host, and what of it is the coordinator's CPU. */
const measureDispatch = async ({ report, dir, out, agents, say }: Part): Promise<void> => {
  const growth: [number, number][] = [];
  for (const count of [100, 1_000, 10_000].filter((one) => one <= agents)) {
    await using cluster = await openCluster(join(dir, String(count)), count, say);
    await submitAll(cluster, namesOf("warm", 50), 100);
    const jobs = count === 1_000 ? 2_000 : 500;
    const begin = performance.now();
    const times = await submitAll(cluster, namesOf("job", jobs), AS_FAST_AS_IT_GOES);
    const seconds = (performance.now() - begin) / 1000;
    growth.push([count, (seconds * 1000) / jobs]);
    report.figure(
      `dispatch with ${count} hosts, ${jobs} jobs as fast as it goes`,
      `${(jobs / seconds).toFixed(0)} jobs/s, p50 ${ms(percentile(times, 0.5))}, p99 ${ms(percentile(times, 0.99))}`,
    );
  }
  if (out !== undefined)
    writePlot(out, {
      name: "dispatch",
      title: "Time for each job by hosts",
      x: "hosts",
      y: "ms",
      points: growth,
    });
};

const measureLatency = async ({ report, dir, out, agents, say }: Part): Promise<void> => {
  await using cluster = await openCluster(dir, agents, say);
  await submitAll(cluster, namesOf("warm", 50), 50);
  const times = await submitAll(cluster, namesOf("job", 1_000), 100);
  report.figure(
    `submit to confirmed claim, 100 jobs/s, ${agents} agents`,
    `p50 ${ms(percentile(times, 0.5))}, p99 ${ms(percentile(times, 0.99))}`,
  );
  if (out === undefined) return;
  const points = [1, 5, 10, 25, 50, 75, 90, 95, 99, 100].map((share): [number, number] => [
    share,
    percentile(times, share / 100),
  ]);
  writePlot(out, { name: "latency", title: "Submit to confirmed claim", x: "percentile", y: "ms", points });
};

/** The coordinator is killed under all its agents, some with a job. */
const measureStorm = async ({ report, dir, agents, say }: Part): Promise<void> => {
  await using cluster = await openCluster(dir, agents, say);
  cluster.work.endsJobs = false;
  const jobs = Math.min(500, Math.floor(agents / 2));
  await submitAll(cluster, namesOf("job", jobs), AS_FAST_AS_IT_GOES);
  const held = () => cluster.agents.reduce((sum, agent) => sum + agent.heldCount, 0);
  const before = held();
  await cluster.coordinator.program.kill9();
  const begin = performance.now();
  await cluster.coordinator.restart();
  const upMs = performance.now() - begin;
  await waitForAnswers(cluster.agents, begin);
  const backMs = performance.now() - begin;
  await delay(SETTLE_MS);
  const { rssMib } = memoryOf(cluster);
  report.figure(
    `coordinator killed under ${agents} agents and ${before} jobs`,
    `answers after ${ms(upMs)}, all agents back after ${ms(backMs)}, ${before - held()} jobs lost, ${cluster.jobs.startedTwice.length} started twice; ${mib(rssMib)} RSS`,
  );
};

/** What people ask for, with many hosts and much history. */
const measureQueries = async ({ report, dir, agents, say }: Part): Promise<void> => {
  await using cluster = await openCluster(dir, agents, say);
  const { coordinator } = cluster;
  await submitAll(cluster, ["template"], 1);
  await coordinator.client.waitForEnd("template");
  await coordinator.program.stop();
  const runs = 10_000;
  await insertHistory(join(coordinator.home, ".dstack/server/data/coordinator.db"), runs);
  const begin = performance.now();
  await coordinator.restart();
  await waitForAnswers(cluster.agents, begin);
  await delay(SETTLE_MS);
  const run_spec = { run_name: "plan", configuration: { type: "task", name: "plan", commands: ["true"] } };
  const ask = async (what: string, post: () => Promise<Response>) => {
    const times: number[] = [];
    let bytes = 0;
    for (let left = 40; left > 0; left--) {
      const since = performance.now();
      const answer = await post();
      bytes = (await answer.arrayBuffer()).byteLength;
      if (!answer.ok) throw new Error(`${what} answered ${answer.status}`);
      times.push(performance.now() - since);
    }
    const share = (value: number) => ms(percentile(times, value));
    report.figure(what, `p50 ${share(0.5)}, p99 ${share(0.99)}, ${(bytes / 1024).toFixed(0)} KiB`);
  };
  await ask(`get_plan with ${agents} hosts`, () => coordinator.client.post("runs/get_plan", { run_spec }));
  const list = (limit: number) =>
    fetch(`${coordinator.url}/api/runs/list`, {
      method: "POST",
      headers: { authorization: `Bearer ${coordinator.token}`, "content-type": "application/json" },
      body: JSON.stringify({ project_name: "main", only_active: false, limit }),
    });
  await ask(`ps with ${runs} runs of history, 100 a page`, () => list(100));
};

/** In the order in which they run. */
export const PARTS = {
  idle: { summary: "memory and CPU by connected agents that have nothing to do", run: measureIdle },
  dispatch: { summary: "jobs a second that reach a host, by hosts", run: measureDispatch },
  latency: {
    summary: "submit to confirmed claim at 100 jobs a second, with all agents",
    run: measureLatency,
  },
  storm: { summary: "kill -9 of the coordinator under all agents", run: measureStorm },
  queries: { summary: "get_plan with all hosts, ps with 10,000 runs of history", run: measureQueries },
} as const satisfies Record<string, { summary: string; run: (part: Part) => Promise<void> }>;
export type PartName = keyof typeof PARTS;
