import { INTERFACES } from "./interfaces.ts";
import type { Matrix, Row } from "./matrix.ts";

const shown = (row: Row, matrix: Matrix): string[] =>
  matrix.versions.map((version) => row.cells[version]?.verdict ?? "n.a.");

const reasonOf = ({ cells }: Row): string | undefined =>
  Object.values(cells).flatMap(({ reason }) => reason ?? [])[0];

/** Of the Python and REST rows the whole name stands there. */
const nameOf = (command: string): string => (command in INTERFACES ? command : `dstack ${command}`.trimEnd());

const sumOf = ({ versions, counts, cases }: Matrix): string[] =>
  versions.map((version) => {
    const counted = Object.entries(counts[version] ?? {}).flatMap(([verdict, count]) =>
      count > 0 ? `${count} ${verdict}` : [],
    );
    return `${version}: ${counted.join(", ")} (${cases} cases)`;
  });

/** For a terminal: a line for each flag that is anything but ok, and the sums. */
export const renderText = (matrix: Matrix): string => {
  const columns = (cells: string[]) => cells.map((cell) => cell.padEnd(9)).join("");
  const lines = matrix.rows.map((row) => {
    const reason = reasonOf(row);
    const words = `${nameOf(row.command)} ${row.flag}`.padEnd(48);
    return `${words}${columns(shown(row, matrix))}${reason ?? ""}`.trimEnd();
  });
  const failures = matrix.failures.map(
    ({ version, name, problem }) => `\nFAIL ${name}, ${version}\n${problem}`,
  );
  return `${[`${"".padEnd(48)}${columns([...matrix.versions])}`, ...lines, ...failures, "", ...sumOf(matrix)].join("\n")}\n`;
};

const escapePipes = (text: string): string => text.replaceAll("|", "\\|");

/** For docs/conformance.md. */
export const renderMarkdown = (matrix: Matrix): string => {
  const commands = Map.groupBy(matrix.rows, ({ command }) => command);
  const head = ["", ...matrix.versions, "what is asserted"];
  const sections = [...commands].map(([command, rows]) => {
    const lines = rows.map((row) => {
      const reason = reasonOf(row);
      const cells = shown(row, matrix).map((verdict) =>
        verdict === "later" && reason !== undefined ? `later: ${reason}` : verdict,
      );
      return `| \`${row.flag}\` | ${cells.join(" | ")} | ${escapePipes(row.expectations.join("; "))} |`;
    });
    const rule = head.map(() => "---").join(" | ");
    return [`## ${nameOf(command)}`, "", `| ${head.join(" | ")} |`, `| ${rule} |`, ...lines, ""].join("\n");
  });
  return `# Stock clients at our coordinator

What the command lines of the reference, unchanged and from the package index, do with our coordinator and agents: every
command and every flag that their own parsers know. Written by \`./scripts/conformance --markdown\`; do not edit.

- **ok**: output, exit code and effect are asserted.
- **later**: it needs what is named, which is not there yet; asserted is what the client is told meanwhile.
- **n.a.**: that release does not have it.

${sumOf(matrix)
  .map((line) => `- ${line}`)
  .join("\n")}

${sections.join("\n")}`;
};
