import type { Output } from "../../context.ts";
import { type Style, styled } from "../../output/style.ts";

/** No full block: rows that touch would become one mass (docs/spec/cli.md §7.7). */
const HEIGHTS = "▁▂▃▄▅▆▇";

/** A value of 0 to 100 at a moment. */
export interface Point {
  readonly at: number;
  readonly percent: number;
}

export interface Window {
  readonly from: number;
  readonly to: number;
}

/** From which percentage on a cell has which colour. */
export type Ramp = readonly (readonly [number, Style])[];

/** Devices and the host have different colours, so that their rows are told apart. */
export const DEVICE_RAMP: Ramp = [
  [75, "green"],
  [25, "green"],
  [0, "grey"],
];
export const HOST_RAMP: Ramp = [
  [97, "red"],
  [90, "yellow"],
  [0, "blue"],
];

/**
 * One cell per part of the window: its height is the highest value in it, its colour the mean, so that a peak looks
 * other than what lasted. The last cell is the newest value, which stands beside it in digits. Parts without a value,
 * before the job began or while its host was cut off, stay empty.
 */
export const sparkline = (
  out: Output,
  points: readonly Point[],
  { window, width, ramp }: { window: Window; width: number; ramp: Ramp },
): string => {
  const newest = points.reduce<Point | undefined>(
    (last, point) => (last && last.at > point.at ? last : point),
    undefined,
  );
  const cells = Map.groupBy(points, ({ at }) => cellOf(at, window, width));
  const drawn = [...Array(width).keys()].map((at): { text: string; style?: Style } => {
    const values = (at === width - 1 && newest?.at === window.to ? [newest] : (cells.get(at) ?? [])).map(
      ({ percent }) => Math.min(100, Math.max(0, percent)),
    );
    if (values.length === 0) return { text: " " };
    const height = Math.floor((Math.max(...values) / 100) * (HEIGHTS.length - 1));
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const style = ramp.find(([least]) => mean >= least)?.[1];
    return { text: HEIGHTS[height] ?? " ", ...(style && { style }) };
  });
  return joined(out, drawn);
};

const cellOf = (at: number, { from, to }: Window, width: number): number =>
  to <= from ? width - 1 : Math.min(width - 1, Math.max(0, Math.floor(((at - from) / (to - from)) * width)));

/** Neighbours of one colour share its codes. */
const joined = (out: Output, cells: readonly { text: string; style?: Style }[]): string => {
  let line = "";
  for (let at = 0; at < cells.length; ) {
    const style = cells[at]?.style;
    let text = "";
    for (; at < cells.length && cells[at]?.style === style; at++) text += cells[at]?.text ?? "";
    line += style === undefined ? text : styled(out, text, style);
  }
  return line;
};
