import type { Footprint } from "./footprint.ts";

export interface Look {
  jobs: number;
  footprints: readonly Footprint[];
}

/**
 * How much may be added between the first look and the last. Memory: what the collector has not come to yet, and pages
 * that the allocator keeps. What is kept of ended runs is in the coordinator's own folder and may grow.
 */
const ALLOWED = { anonMib: 48, fds: 8, files: 12, containers: 2, processes: 2 } as const;

/** What has grown by more than chance, in words; the coordinator's own files are its record of the runs. */
export const growthOf = (names: readonly string[], looks: readonly Look[]): string[] =>
  names.flatMap((name, at) => {
    const [first, last] = [looks[0]?.footprints[at], looks.at(-1)?.footprints[at]];
    if (!first || !last) return [];
    return (Object.keys(ALLOWED) as (keyof typeof ALLOWED)[])
      .filter((key) => !(name === "coordinator" && key === "files"))
      .filter((key) => last[key] - first[key] > ALLOWED[key])
      .map((key) => `${name}: ${key} from ${round(first[key])} to ${round(last[key])}`);
  });

export interface Soak {
  names: readonly string[];
  looks: readonly Look[];
  growth: readonly string[];
  wrong: readonly string[];
  count: number;
  seconds: number;
}

export const renderSoak = ({ names, looks, growth, wrong, count, seconds }: Soak): string => {
  const head = ["what", ...looks.map(({ jobs }) => `${jobs} jobs`)];
  const cell = ({ rssMib, anonMib, fds, files, containers, processes }: Footprint) =>
    `${round(rssMib)} (${round(anonMib)}) MiB, ${fds} fds, ${files} files, ${containers} cont., ${processes} proc.`;
  const rows = names.map((name, at) => [
    name,
    ...looks.map(({ footprints }) => {
      const footprint = footprints[at];
      return footprint ? cell(footprint) : "";
    }),
  ]);
  return [
    `${count} jobs, four at a time, in ${Math.round(seconds)} s (${(count / seconds).toFixed(1)}/s): ${wrong.length} wrong results.`,
    "Memory is resident, in brackets the process's own.",
    "",
    line(head),
    line(head.map(() => "---")),
    ...rows.map(line),
    "",
    growth.length === 0 ? "Nothing has grown." : `Has grown: ${growth.join("; ")}`,
    ...wrong.slice(0, 20).map((problem) => `- ${problem}`),
    "",
  ].join("\n");
};

const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
const round = (value: number): number => Math.round(value);
