import { delay } from "../../shared/async/delay.ts";
import { readMemory } from "../benching/probe.ts";
import { percentile } from "../benching/stats.ts";
import { type Cluster, waitForAnswers } from "./cluster.ts";
import { ms } from "./figures.ts";
import type { PartContext } from "./part.ts";
import { namesOf, submitAll } from "./submit.ts";

const MOST_BACK_MS = 30_000;
const ASK_EVERY_MS = 50;
const SETTLE_MS = 3_000;
const PAGE = 100;

/** The coordinator is killed under all its agents, half of them with a job that goes on. */
export const measureStorm = async ({ cluster, figures, say }: PartContext): Promise<void> => {
  const { coordinator, agents, jobs, work } = cluster;
  work.endsJobs = false;
  const names = namesOf("storm", Math.floor(agents.length / 2));
  const submitted = await submitAll(cluster, names);
  say(`${names.length} jobs run after ${submitted.seconds.toFixed(1)} s`);
  await delay(SETTLE_MS);
  const held = () => agents.reduce((sum, agent) => sum + agent.heldCount, 0);
  const before = held();
  const people = watchApi(cluster);
  const killedAt = performance.now();
  await coordinator.program.kill9();
  await coordinator.restart();
  const upMs = performance.now() - killedAt;
  await waitForAnswers(agents, killedAt);
  const backMs = performance.now() - killedAt;
  await delay(SETTLE_MS);
  const { failedMs, times } = await people.end(killedAt);
  const alive = await countActive(cluster);
  const lost = Math.max(before - held(), names.length - alive);
  const twice = jobs.startedTwice.length;
  figures.add({
    what: `storm: coordinator killed with ${agents.length} agents and ${before} running jobs`,
    target: `all back in < ${MOST_BACK_MS / 1_000} s, no job lost or started twice`,
    measured: `all back in ${(backMs / 1_000).toFixed(1)} s, ${lost} lost, ${twice} started twice`,
    ok: backMs < MOST_BACK_MS && lost === 0 && twice === 0 && before === names.length,
  });
  figures.add({
    what: "API during the storm",
    target: "no failed call longer than the restart",
    measured: `calls failed for ${ms(failedMs)}, restart ${ms(upMs)}, p99 of answers ${ms(percentile(times, 0.99))}, ${readMemory(coordinator.program.pid).rssMib.toFixed(0)} MiB RSS`,
    ok: failedMs <= upMs,
  });
};

/** Somebody who asks again and again. */
const watchApi = (cluster: Cluster) => {
  const stop = new AbortController();
  const times: number[] = [];
  let [firstFailure, lastFailure]: (number | undefined)[] = [];
  const loop = async () => {
    while (!stop.signal.aborted) {
      const since = performance.now();
      using api = cluster.connect();
      const { status } = await api
        .post("/api/runs/list", { project_name: "main", limit: 1 })
        .catch(() => ({ status: 0 }));
      if (status === 200) times.push(performance.now() - since);
      else {
        firstFailure ??= since;
        lastFailure = performance.now();
      }
      await delay(ASK_EVERY_MS);
    }
  };
  const done = loop();
  return {
    /** `failedMs`: since the kill, from the begin of the first call that failed to the end of the last. */
    end: async (killedAt: number) => {
      stop.abort();
      await done;
      const failedMs = (lastFailure ?? 0) - Math.max(firstFailure ?? 0, killedAt);
      return { failedMs: Math.max(0, failedMs), times };
    },
  };
};

/** Runs that the coordinator has as active, page by page. */
const countActive = async (cluster: Cluster): Promise<number> => {
  using api = cluster.connect();
  let [count, prev]: [number, { prev_submitted_at?: string; prev_run_id?: string }] = [0, {}];
  for (;;) {
    const request = { project_name: "main", only_active: true, limit: PAGE, include_jobs: false, ...prev };
    const { text } = await api.post("/api/runs/list", request);
    const page = JSON.parse(text) as { id: string; submitted_at: string }[];
    count += page.length;
    const last = page.at(-1);
    if (!last || page.length < PAGE) return count;
    prev = { prev_submitted_at: last.submitted_at, prev_run_id: last.id };
  }
};
