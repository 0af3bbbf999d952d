import type { Output } from "../context.ts";
import { type Style, styled } from "./style.ts";
import { truncate, widthOf, wrap } from "./wrap.ts";

export interface Column {
  readonly title: string;
  readonly style?: Style;
  /** A cell of this column stays on one line; what does not fit ends in an ellipsis. */
  readonly isWhole?: boolean;
  /** As the tick of a default project is. */
  readonly isCentred?: boolean;
}

type Cell = string | { readonly text: string; readonly style?: Style | readonly Style[] };

export interface Row {
  readonly cells: readonly Cell[];
  /** For all cells that have none of their own. */
  readonly style?: Style;
}

/** Where neither a terminal nor `COLUMNS` sets a width, rows are left whole, for those who grep (docs/spec/cli.md §12.2). */
const columnsOf = (out: Output): number => out.columns ?? Number.POSITIVE_INFINITY;

const textOf = (cell: Cell | undefined): string => (typeof cell === "object" ? cell.text : (cell ?? ""));

/**
 * No borders; a space on both sides of every cell, so that a row begins with one and columns are two apart
 * (docs/spec/cli.md §1). Lines end without spaces.
 */
export const renderTable = (out: Output, columns: readonly Column[], rows: readonly Row[]): string => {
  const header: Row = { cells: columns.map((column) => ({ text: column.title, style: "bold" })) };
  const hasHeader = columns.some((column) => column.title !== "");
  const all = hasHeader ? [header, ...rows] : rows;
  const natural = columns.map((_, at) => Math.max(0, ...all.map((row) => widthOf(textOf(row.cells[at])))));
  const words = columns.map((_, at) => Math.max(0, ...all.map((row) => longestWord(textOf(row.cells[at])))));
  const widths = fit({ natural, words, columns }, columnsOf(out) - columns.length * 2);
  return all.map((row) => renderRow(out, { row, columns, widths })).join("");
};

const renderRow = (
  out: Output,
  { row, columns, widths }: { row: Row; columns: readonly Column[]; widths: readonly number[] },
): string => {
  const cells = columns.map((column, at) => {
    const width = Math.max(1, widths[at] ?? 1);
    const text = textOf(row.cells[at]);
    return column.isWhole ? [truncate(text, width)] : wrap(text, width);
  });
  const height = Math.max(1, ...cells.map((lines) => lines.length));
  let rendered = "";
  for (let line = 0; line < height; line++) {
    let shown = "";
    for (const [at, lines] of cells.entries()) {
      const text = lines[line] ?? "";
      const space = (widths[at] ?? 0) - widthOf(text);
      const before = columns[at]?.isCentred ? Math.floor(space / 2) : 0;
      const style = stylesOf(row, at, columns[at]);
      shown += ` ${" ".repeat(Math.max(0, before))}${styled(out, text, ...style)}${" ".repeat(Math.max(0, space - before) + 1)}`;
    }
    rendered += `${shown.trimEnd()}\n`;
  }
  return rendered;
};

const stylesOf = (row: Row, at: number, column: Column | undefined): readonly Style[] => {
  const cell = row.cells[at];
  const own = typeof cell === "object" ? cell.style : undefined;
  const style = own ?? row.style ?? column?.style;
  if (style === undefined) return [];
  return typeof style === "string" ? [style] : style;
};

const longestWord = (text: string): number => Math.max(...text.split(/\s/).map(widthOf));

interface Widths {
  /** Of the widest cell of each column, and of the longest word in it. */
  readonly natural: readonly number[];
  readonly words: readonly number[];
  readonly columns: readonly Pick<Column, "isWhole" | "title">[];
}

/**
 * Takes from the widest columns that may wrap, at first between words only; when these are used up, from all. No column
 * becomes narrower than the words of its heading, by which it is told.
 */
export const fit = ({ natural, words, columns }: Widths, available: number): number[] => {
  const widths = [...natural];
  const shrink = (least: (at: number) => number) => {
    for (;;) {
      const excess = widths.reduce((sum, width) => sum + width, 0) - available;
      const candidates = widths.map((width, at) => (width > least(at) ? width : 0));
      const widest = Math.max(...candidates);
      if (excess <= 0 || widest <= 1) return;
      const same = [...candidates.keys()].filter((at) => candidates[at] === widest);
      const next = Math.max(1, ...candidates.filter((width) => width < widest));
      const step = Math.max(1, Math.min(widest - next, Math.ceil(excess / same.length)));
      for (const at of same) widths[at] = Math.max(least(at), widest - step);
    }
  };
  const heading = (at: number) => Math.max(1, longestWord(columns[at]?.title ?? ""));
  const unlessWhole = (least: (at: number) => number) => (at: number) =>
    columns[at]?.isWhole ? Number.POSITIVE_INFINITY : least(at);
  shrink(unlessWhole((at) => Math.max(heading(at), words[at] ?? 1)));
  shrink(unlessWhole(heading));
  shrink(heading);
  return widths;
};

/** Two columns without a header: what is known about one thing. */
export const renderProperties = (out: Output, properties: readonly (readonly [string, string])[]): string =>
  renderTable(
    out,
    [{ title: "", style: "bold", isWhole: true }, { title: "" }],
    properties.map((cells) => ({ cells })),
  );
