import type { Part } from "./bench.ts";
import { measureIdleCpu, readMemory } from "./probe.ts";

const SECONDS = 30;

export const measureIdle = async ({ coordinator, agents, report }: Part): Promise<void> => {
  const programs = [
    { name: "coordinator", pid: coordinator.program.pid },
    ...Object.entries(agents).map(([runtime, agent]) => ({
      name: `agent (${runtime})`,
      pid: agent.program.pid,
    })),
  ];
  const cpu = await measureIdleCpu(
    programs.map(({ pid }) => pid),
    SECONDS,
  );
  for (const [at, { name, pid }] of programs.entries()) {
    const { anonymousMib, rssMib } = readMemory(pid);
    const memory = `${anonymousMib.toFixed(0)} MiB anonymous, ${rssMib.toFixed(0)} MiB RSS`;
    report.figure(`${name}, idle`, `${memory}, ${(cpu[at] ?? 0).toFixed(2)} % of a core`);
  }
};
