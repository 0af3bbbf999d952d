/** Columns that a text takes on a terminal. */
export const widthOf = (text: string): number => Bun.stringWidth(text);

/** Rows on the screen, with lines that the terminal breaks counted as often as they take. */
export const rowsOf = (text: string, columns: number): number =>
  text
    .split("\n")
    .slice(0, -1)
    .reduce((rows, line) => rows + Math.max(1, Math.ceil(widthOf(line) / columns)), 0);

/** Cuts what is too long and says so with an ellipsis. */
export const truncate = (text: string, width: number): string => {
  if (widthOf(text) <= width) return text;
  let kept = "";
  for (const character of text) {
    if (widthOf(kept + character) > width - 1) break;
    kept += character;
  }
  return `${kept}…`;
};

/** Lines of at most `width` columns, broken at spaces, and inside a word only where it is longer than a line. */
export const wrap = (text: string, width: number): string[] =>
  text.split("\n").flatMap((line) => wrapLine(line, width));

const wrapLine = (line: string, width: number): string[] => {
  if (widthOf(line) <= width) return [line];
  const indent = /^ */.exec(line)?.[0] ?? "";
  if (indent !== "" && indent.length < width / 2) {
    return wrapLine(line.slice(indent.length), width - indent.length).map((part) => `${indent}${part}`);
  }
  const lines: string[] = [];
  let current = "";
  for (const word of line.split(" ").flatMap((each) => pieces(each, width))) {
    const joined = current === "" ? word : `${current} ${word}`;
    if (widthOf(joined) <= width) current = joined;
    else {
      lines.push(current);
      current = word;
    }
  }
  return [...lines, current];
};

const pieces = (word: string, width: number): string[] => {
  if (widthOf(word) <= width) return [word];
  const parts: string[] = [];
  let part = "";
  for (const character of word) {
    if (part !== "" && widthOf(part + character) > width) {
      parts.push(part);
      part = "";
    }
    part += character;
  }
  return [...parts, part];
};
