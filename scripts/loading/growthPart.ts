import { delay } from "../../shared/async/delay.ts";
import { cpuSeconds } from "../benching/probe.ts";
import { WAIT_MS } from "./cluster.ts";
import type { PartContext } from "./part.ts";
import { namesOf, submitAll } from "./submit.ts";

/** As many heartbeats whatever the number of hosts, so that the figures are of the same precision. */
const HEARTBEATS_PER_SECOND = 500;
const JOBS_PER_SECOND = 100;
/** Flat: with a hundred times the hosts no more than this times the CPU. */
const MOST_GROWTH = 1.5;

const PLOT = {
  name: "growth",
  title: "CPU of the coordinator by hosts",
  x: "hosts",
  y: "µs",
  isLogX: true,
};

const LINES = { heartbeat: "for a heartbeat", job: "for a job, from its submission to its end" };

export const measureGrowth = async ({ cluster, figures, scale }: PartContext): Promise<void> => {
  const hosts = cluster.agents.length;
  const { pid } = cluster.coordinator.program;
  const heard = () => cluster.agents.reduce((sum, agent) => sum + agent.answers, 0);
  const spend = async (work: () => Promise<unknown>) => {
    const [before, begin] = [cpuSeconds(pid), heard()];
    await work();
    return { us: (cpuSeconds(pid) - before) * 1e6, heartbeats: heard() - begin };
  };
  cluster.work.waitMs = (hosts / HEARTBEATS_PER_SECOND) * 1_000;
  await cluster.pollAnew();
  const beating = await spend(() => delay(scale.growthSeconds * 1_000));
  cluster.work.waitMs = WAIT_MS;
  const heartbeat = beating.us / Math.max(1, beating.heartbeats);
  await delay(Math.min((hosts / HEARTBEATS_PER_SECOND) * 1_000, 20_000));
  await submitAll(cluster, namesOf(`warm-${hosts}`, scale.growthJobs / 4), JOBS_PER_SECOND);
  const dispatching = await spend(() =>
    submitAll(cluster, namesOf(`grow-${hosts}`, scale.growthJobs), JOBS_PER_SECOND),
  );
  const job = dispatching.us / scale.growthJobs;
  figures.point(PLOT, LINES.heartbeat, [hosts, heartbeat]);
  figures.point(PLOT, LINES.job, [hosts, job]);
  if (hosts === scale.growth.at(-1)) addFigures({ figures, scale });
};

const addFigures = ({ figures, scale }: Pick<PartContext, "figures" | "scale">): void => {
  for (const [what, line] of Object.entries(LINES)) {
    const costs = figures.pointsOf(PLOT.name, line).map(([, us]) => us);
    const [first = 0] = costs;
    figures.add({
      what: `CPU per ${what} with ${scale.growth.join(", ")} hosts`,
      target: "flat",
      measured: `${costs.map((us) => us.toFixed(0)).join(", ")} µs`,
      ok: costs.length === scale.growth.length && Math.max(...costs) <= first * MOST_GROWTH,
    });
  }
};
