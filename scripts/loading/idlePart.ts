import { delay } from "../../shared/async/delay.ts";
import { cpuSeconds, readMemory } from "../benching/probe.ts";
import type { PartContext } from "./part.ts";

const MOST_MIB = 512;
const MOST_PERCENT = 10;
const SETTLE_MS = 3_000;

const RSS_PLOT = { name: "rss", title: "Memory of the coordinator", x: "seconds", y: "MiB RSS" };

/** A little more than one round of polls. */
export const measureIdle = async ({ cluster, figures, scale }: PartContext): Promise<void> => {
  const { pid } = cluster.coordinator.program;
  await delay(SETTLE_MS);
  const before = cpuSeconds(pid);
  const rss: number[] = [];
  for (let second = 0; second < scale.idleSeconds; second++) {
    const { rssMib } = readMemory(pid);
    rss.push(rssMib);
    figures.point(RSS_PLOT, `${cluster.agents.length} idle agents`, [second, rssMib]);
    await delay(1_000);
  }
  const percent = ((cpuSeconds(pid) - before) / scale.idleSeconds) * 100;
  const most = Math.max(...rss);
  figures.add({
    what: `agents held by one coordinator, idle: ${cluster.agents.length}`,
    target: `≤ ${MOST_MIB} MiB RSS, ≤ ${MOST_PERCENT} % of a core`,
    measured: `${most.toFixed(0)} MiB, ${percent.toFixed(1)} %`,
    ok: most <= MOST_MIB && percent <= MOST_PERCENT,
  });
};
