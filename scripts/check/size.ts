/** A file of code longer than this is to be split. */
const MAX_LINES = 500;

/** Says which file of code is too long. Tests and generated files do not count. */
export const findOversized = (path: string, source: string): string[] => {
  if (path.endsWith(".test.ts") || path.includes("/migrations/")) return [];
  const lines = source.split("\n").length;
  return lines > MAX_LINES ? [`${path}: ${lines} lines; split it (at most ${MAX_LINES})`] : [];
};
