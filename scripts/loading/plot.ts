import { writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Plot {
  /** Name of the two files, without ending. */
  name: string;
  title: string;
  x: string;
  y: string;
  points: readonly (readonly [x: number, y: number])[];
}

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT] = [640, 360, 64, 48, 36, 24];

/** Writes the points as CSV, and as a picture whose x axis is logarithmic. */
export const writePlot = (dir: string, plot: Plot): void => {
  const rows = plot.points.map((point) => point.map((value) => value.toFixed(3)).join(","));
  writeFileSync(join(dir, `${plot.name}.csv`), `${[`${plot.x},${plot.y}`, ...rows].join("\n")}\n`);
  writeFileSync(join(dir, `${plot.name}.svg`), render(plot));
};

const render = ({ title, x, y, points }: Plot): string => {
  const xs = points.map(([value]) => Math.log10(Math.max(value, 1e-3)));
  const [least, most] = [Math.min(...xs), Math.max(...xs)];
  const highest = Math.max(...points.map(([, value]) => value)) * 1.1 || 1;
  const across = (value: number) =>
    LEFT + ((Math.log10(Math.max(value, 1e-3)) - least) / (most - least || 1)) * (WIDTH - LEFT - RIGHT);
  const up = (value: number) => HEIGHT - BOTTOM - (value / highest) * (HEIGHT - BOTTOM - TOP);
  const line = points.map(([a, b]) => `${across(a).toFixed(1)},${up(b).toFixed(1)}`).join(" ");
  const label = (at: { x: number; y: number; anchor?: string }, text: string) =>
    `<text x="${at.x.toFixed(1)}" y="${at.y.toFixed(1)}" text-anchor="${at.anchor ?? "middle"}">${text}</text>`;
  const decades = Array.from(
    { length: Math.floor(most) - Math.ceil(least) + 1 },
    (_, n) => 10 ** (Math.ceil(least) + n),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    label({ x: WIDTH / 2, y: 20 }, title),
    `<path d="M${LEFT} ${TOP}V${HEIGHT - BOTTOM}H${WIDTH - RIGHT}" fill="none" stroke="black"/>`,
    ...decades.map((value) => label({ x: across(value), y: HEIGHT - BOTTOM + 16 }, String(value))),
    ...[0, highest / 2, highest].map((value) =>
      label({ x: LEFT - 6, y: up(value) + 4, anchor: "end" }, value.toPrecision(3)),
    ),
    label({ x: WIDTH / 2, y: HEIGHT - 10 }, x),
    label({ x: 6, y: TOP - 10, anchor: "start" }, y),
    `<polyline points="${line}" fill="none" stroke="#0a58ca" stroke-width="2"/>`,
    "</svg>",
    "",
  ].join("\n");
};
