import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Plot, renderPlot } from "./plot.ts";

/** One row of the table: what was promised, what was measured, and whether that is as promised. */
interface Figure {
  what: string;
  target: string;
  measured: string;
  /** Undefined: nothing was promised. */
  ok: boolean | undefined;
}

/** Collects figures and plots while parts run. */
export interface Figures {
  add(figure: Figure): void;
  /** Points of one line of a plot; what has several lines is added to line by line. */
  point(plot: Omit<Plot, "lines">, line: string, point: readonly [x: number, y: number]): void;
  /** The points of a line so far. */
  pointsOf(plot: string, line: string): readonly (readonly [x: number, y: number])[];
  /** The table, in Markdown. */
  render(): string;
  /** All plots, each as a picture and as CSV. */
  writePlots(dir: string): void;
  /** Is everything as promised? */
  allOk(): boolean;
}

export const createFigures = (say: (line: string) => void): Figures => {
  const rows: Figure[] = [];
  const plots = new Map<string, Plot>();
  return {
    add: (figure) => {
      rows.push(figure);
      say(`${wordFor(figure.ok)}  ${figure.what}: ${figure.measured}`);
    },
    point: (plot, line, point) => {
      const known = plots.get(plot.name) ?? { ...plot, lines: new Map() };
      plots.set(plot.name, known);
      known.lines.set(line, [...(known.lines.get(line) ?? []), point]);
    },
    pointsOf: (plot, line) => plots.get(plot)?.lines.get(line) ?? [],
    render: () =>
      [
        "| what | target | measured | ok |",
        "| --- | --- | --- | --- |",
        ...rows.map(
          ({ what, target, measured, ok }) => `| ${what} | ${target} | ${measured} | ${wordFor(ok)} |`,
        ),
      ].join("\n"),
    writePlots: (dir) => {
      mkdirSync(dir, { recursive: true });
      for (const plot of plots.values()) {
        writeFileSync(join(dir, `${plot.name}.svg`), renderPlot(plot));
        const header = `line,${plot.x},${plot.y}`;
        const points = [...plot.lines].flatMap(([line, own]) =>
          own.map(([x, y]) => `${line},${x},${y.toFixed(3)}`),
        );
        writeFileSync(join(dir, `${plot.name}.csv`), `${[header, ...points].join("\n")}\n`);
      }
    },
    allOk: () => rows.every(({ ok }) => ok !== false),
  };
};

const wordFor = (ok: boolean | undefined): string => (ok === undefined ? "" : ok ? "ok" : "**not**");

export const ms = (value: number): string => `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`;
