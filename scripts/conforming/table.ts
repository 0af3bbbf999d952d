/** The rows of a table that a stock client has printed, each cell under its column's header. */
export const readTable = (text: string, columns: readonly string[]): Record<string, string>[] => {
  const lines = text.split("\n").map((line) => line.replaceAll("\r", ""));
  const at = lines.findIndex((line) => columnsOf(line).join() === columns.join());
  if (at < 0) throw new Error(`No table with the columns ${columns.join(", ")} in:\n${text}`);
  const header = lines[at] ?? "";
  // A header may be part of another one: each is looked for behind the one before it.
  const starts: number[] = [];
  for (const column of columns) starts.push(header.indexOf(column, (starts.at(-1) ?? -1) + 1));
  const rows: Record<string, string>[] = [];
  for (const line of lines.slice(at + 1)) {
    if (line.trim() === "") break;
    rows.push(
      Object.fromEntries(
        columns.map((column, index) => [column, line.slice(starts[index], starts[index + 1]).trim()]),
      ),
    );
  }
  return rows;
};

const columnsOf = (line: string): string[] =>
  line
    .trim()
    .split(/ {2,}/)
    .filter((column) => column !== "");
