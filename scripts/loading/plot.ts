export interface Plot {
  /** Name of its files, without ending. */
  name: string;
  title: string;
  x: string;
  y: string;
  /** Logarithmic, for numbers of hosts. */
  isLogX?: boolean;
  lines: Map<string, readonly (readonly [x: number, y: number])[]>;
}

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT] = [640, 360, 64, 48, 36, 24];
const COLOURS = ["#0a58ca", "#c2410c", "#15803d", "#7e22ce"];
const GRID = "#d4d4d4";

/** A picture of the lines; the y axis begins at 0, so that what is flat looks flat. */
export const renderPlot = ({ title, x, y, isLogX = false, lines }: Plot): string => {
  const points = [...lines.values()].flat();
  const scaled = (value: number) => (isLogX ? Math.log10(Math.max(value, 1)) : value);
  const xs = points.map(([value]) => scaled(value));
  const [least, most] = [Math.min(...xs), Math.max(...xs)];
  const highest = niceTop(Math.max(...points.map(([, value]) => value)));
  const across = (value: number) =>
    LEFT + ((scaled(value) - least) / (most - least || 1)) * (WIDTH - LEFT - RIGHT);
  const up = (value: number) => HEIGHT - BOTTOM - (value / highest) * (HEIGHT - BOTTOM - TOP);
  const marks = isLogX ? [...new Set(points.map(([value]) => value))] : quarters(least, most);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    text({ x: WIDTH / 2, y: 20 }, title),
    ...[0, highest / 2, highest].flatMap((value) => [
      `<path d="M${LEFT} ${fixed(up(value))}H${WIDTH - RIGHT}" stroke="${GRID}"/>`,
      text({ x: LEFT - 6, y: up(value) + 4, anchor: "end" }, String(Number(value.toPrecision(3)))),
    ]),
    ...marks.map((value) =>
      text({ x: across(value), y: HEIGHT - BOTTOM + 16 }, Math.round(value).toLocaleString("en-US")),
    ),
    text({ x: WIDTH / 2, y: HEIGHT - 10 }, x),
    text({ x: 6, y: TOP - 10, anchor: "start" }, y),
    ...[...lines].flatMap(([name, own], at) => {
      const colour = COLOURS[at % COLOURS.length];
      const path = own.map(([a, b]) => `${fixed(across(a))},${fixed(up(b))}`).join(" ");
      return [
        `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`,
        ...(lines.size > 1
          ? [`<text x="${LEFT + 10}" y="${TOP + 14 + at * 16}" fill="${colour}">${escaped(name)}</text>`]
          : []),
      ];
    }),
    "</svg>",
    "",
  ].join("\n");
};

const fixed = (value: number): string => value.toFixed(1);

const escaped = (text: string): string => text.replace(/[&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`);

const text = (at: { x: number; y: number; anchor?: string }, words: string): string =>
  `<text x="${fixed(at.x)}" y="${fixed(at.y)}" text-anchor="${at.anchor ?? "middle"}">${escaped(words)}</text>`;

const quarters = (least: number, most: number): number[] =>
  [0, 1, 2, 3, 4].map((part) => least + ((most - least) * part) / 4);

/** A round number above it: 1, 2 or 5 times a power of ten. */
const niceTop = (value: number): number => {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5, 10].find((step) => step * power >= value) ?? 10) * power;
};
