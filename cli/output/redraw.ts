import type { Output } from "../context.ts";
import { rowsOf } from "./wrap.ts";

/** A part of the screen that is written again in its own place. */
export interface Redrawn {
  /** Puts a text of whole lines where the one before stands. */
  draw(text: string): void;
  /** Takes the text away again. */
  erase(): void;
  /** Leaves a text behind, whole: that which stands there, or another one. */
  settle(text: string): void;
}

const ERASE_LINE_END = "\x1b[K";
const ERASE_BELOW = "\x1b[J";

/**
 * Each line takes the place of the old one, and only then what is left of that is erased, all in one write: nothing
 * flickers. What is higher than the screen is cut, because nothing can be written again that has scrolled out of it.
 */
export const createRedrawn = (out: Output): Redrawn => {
  let before = "";
  const toTop = (): string => {
    // Counted anew each time: a terminal that has become narrower has broken the lines that stand there.
    const rows = rowsOf(before, out.columns ?? 80);
    return rows > 0 ? `\x1b[${rows}A\r` : "";
  };
  const erase = () => {
    if (before !== "") out.write(`${toTop()}${ERASE_BELOW}`);
    before = "";
  };
  return {
    draw: (text) => {
      const shown = cutToHeight(text, out);
      out.write(`${toTop()}${shown.replaceAll("\n", `${ERASE_LINE_END}\n`)}${ERASE_BELOW}`);
      before = shown;
    },
    erase,
    settle: (text) => {
      if (before === text) return;
      erase();
      out.write(text);
    },
  };
};

/** The last row is the cursor's. */
const cutToHeight = (text: string, { rows: height, columns = 80 }: Output): string => {
  if (height === undefined || rowsOf(text, columns) < height) return text;
  const lines = text.split("\n").slice(0, -1);
  const kept: string[] = [];
  let rows = 2;
  for (const line of lines) {
    rows += rowsOf(`${line}\n`, columns);
    if (rows > height) break;
    kept.push(line);
  }
  return `${kept.map((line) => `${line}\n`).join("")} … ${lines.length - kept.length} more lines\n`;
};
