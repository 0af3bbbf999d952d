import { processesWith } from "../e2e/harness/leftovers.ts";
import type { Part } from "./bench.ts";
import { measureIdleCpu, readMemory } from "./probe.ts";

const SECONDS = 30;

export const measureIdle = async ({ coordinator, agents, report }: Part): Promise<void> => {
  const programs = [
    { name: "coordinator", pids: [coordinator.program.pid] },
    // With the supervisor that waits for the next job.
    ...Object.entries(agents).map(([runtime, agent]) => ({
      name: `agent (${runtime})`,
      pids: processesWith(agent.stateDir),
    })),
  ];
  const pids = programs.flatMap((program) => program.pids);
  const cpu = await measureIdleCpu(pids, SECONDS);
  for (const { name, pids: own } of programs) {
    const memory = own.map(readMemory);
    const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
    const anonymous = sum(memory.map(({ anonymousMib }) => anonymousMib)).toFixed(0);
    const rss = sum(memory.map(({ rssMib }) => rssMib)).toFixed(0);
    const share = sum(own.map((pid) => cpu[pids.indexOf(pid)] ?? 0)).toFixed(2);
    const processes = own.length > 1 ? ` in ${own.length} processes` : "";
    report.figure(
      `${name}, idle`,
      `${anonymous} MiB anonymous, ${rss} MiB RSS${processes}, ${share} % of a core`,
    );
  }
};
