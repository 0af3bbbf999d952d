import type { Outcome, SimulationOptions } from "./simulation.ts";

type RunSeed = (seed: number, other: Partial<SimulationOptions>) => Promise<Outcome>;
type Given = Omit<SimulationOptions, "seed" | "dir" | "template">;

/** Takes faults, hosts and runs away for as long as the seed still fails; answers how to see what is left. */
export const shrink = async (given: Given, runSeed: RunSeed, seed: number): Promise<string> => {
  let smallest: Given = given;
  const attempt = async (other: Partial<Given>) => {
    const next = { ...smallest, ...other };
    if ((await runSeed(seed, next)).bug !== undefined) smallest = next;
  };
  for (const fault of given.faults)
    await attempt({ faults: new Set([...smallest.faults].filter((one) => one !== fault)) });
  for (const mostHosts of [1, 2, 3]) if (smallest.mostHosts === given.mostHosts) await attempt({ mostHosts });
  for (const mostRuns of [1, 2, 4]) if (smallest.mostRuns === given.mostRuns) await attempt({ mostRuns });
  const { bug, steps } = await runSeed(seed, smallest);
  const flags = [
    `--seed ${seed} --seeds 1 --steps ${given.steps}`,
    `--faults ${[...smallest.faults].join(",") || '""'}`,
    ...(smallest.mostHosts === undefined ? [] : [`--hosts ${smallest.mostHosts}`]),
    ...(smallest.mostRuns === undefined ? [] : [`--runs ${smallest.mostRuns}`]),
    ...(given.broken === undefined ? [] : [`--break ${given.broken}`]),
  ];
  return `In short, at step ${steps}: ${bug}\nSee it with: ./scripts/sim ${flags.join(" ")} --trace`;
};
