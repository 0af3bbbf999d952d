import type { Cluster } from "./cluster.ts";
import type { Figures } from "./figures.ts";

/** How large everything is: as the figures are promised for, or (`--quick`) a tenth of it, to see that it works. */
export interface Scale {
  most: number;
  /** Hosts that jobs are dispatched to as fast as it goes. */
  middle: number;
  growth: readonly number[];
  jobs: number;
  history: number;
  idleSeconds: number;
  latencySeconds: number;
  /** For each number of hosts of `growth`. */
  growthSeconds: number;
  growthJobs: number;
  /** How often each question is asked, and how long many ask at a time. */
  questions: number;
  questionSeconds: number;
}

export const FULL: Scale = {
  most: 10_000,
  middle: 1_000,
  growth: [100, 1_000, 3_000, 10_000],
  jobs: 10_000,
  history: 10_000,
  idleSeconds: 48,
  latencySeconds: 30,
  growthSeconds: 8,
  growthJobs: 800,
  questions: 200,
  questionSeconds: 4,
};

export const QUICK: Scale = {
  most: 1_000,
  middle: 300,
  growth: [100, 300, 1_000],
  jobs: 1_000,
  history: 1_000,
  idleSeconds: 10,
  latencySeconds: 8,
  growthSeconds: 4,
  growthJobs: 300,
  questions: 50,
  questionSeconds: 2,
};

export interface PartContext {
  cluster: Cluster;
  figures: Figures;
  scale: Scale;
  say: (line: string) => void;
}

export interface Part {
  summary: string;
  /** The numbers of hosts that it is measured with. */
  sizes: (scale: Scale) => readonly number[];
  run: (context: PartContext) => Promise<void>;
}
