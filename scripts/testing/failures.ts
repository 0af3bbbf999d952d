/** Of what a test printed; the error comes last. */
const MOST_LINES = 60;
const LONGEST_LINE = 500;

/**
 * What each failed test of a `bun test` printed, its error and its name included. Where much is printed, a record of the
 * run may keep only its end, and the failure may be in the beginning.
 */
export const failuresIn = (output: string): string[] => {
  const failures: string[] = [];
  let lines: string[] = [];
  for (const line of output.split("\n")) {
    lines.push(line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)}…` : line);
    if (/^\((?:pass|skip|todo)\) /.test(line)) lines = [];
    // "this test timed out" comes behind its name.
    if (line.startsWith("  ^ ") && lines.length === 1 && failures.length > 0) {
      failures.push(`${failures.pop()}\n${line}`);
      lines = [];
    }
    if (!line.startsWith("(fail) ")) continue;
    failures.push(lines.slice(-MOST_LINES).join("\n").trim());
    lines = [];
  }
  return failures;
};
