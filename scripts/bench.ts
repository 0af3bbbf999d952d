/** Measures the compiled programs on this machine, beside peers in the same run. See `--help`. */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { messageOf } from "../shared/errors.ts";
import { tempDir } from "../shared/testing/tempDir.ts";
import { openBench } from "./benching/bench.ts";
import { PARTS, type PartName, runPart } from "./benching/parts.ts";
import { createReport } from "./benching/table.ts";
import { installMissing } from "./testing/debianPackages.ts";

const HELP = `Usage: ./scripts/bench [PART]... [--runs N]

Prints a Markdown table. Progress goes to stderr.

${Object.entries(PARTS)
  .map(([name, { summary }]) => `  ${name.padEnd(12)} ${summary}`)
  .join("\n")}

  --quick      shorter, for whether it works (tunnels and hosts only)
  --runs N     repetitions of each measurement (default: 50)
  --no-docker  leave the docker runtime out
`;

const isPart = (name: string): name is PartName => name in PARTS;
const say = (line: string) => void process.stderr.write(`${line}\n`);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: "string", default: "50" },
    quick: { type: "boolean", default: false },
    "no-docker": { type: "boolean", default: false },
    help: { type: "boolean", short: "h" },
  },
});

const bench = async (): Promise<void> => {
  const unknown = positionals.find((name) => !isPart(name));
  if (unknown !== undefined) throw new Error(`Unknown part "${unknown}"; see --help`);
  const count = Number(values.runs);
  if (!Number.isInteger(count) || count < 1)
    throw new Error(`--runs takes a whole number, not "${values.runs}"`);
  const chosen = positionals.length > 0 ? positionals.filter(isPart) : Object.keys(PARTS).filter(isPart);
  using dir = tempDir();
  await installMissing(say);
  const report = createReport(say);
  await using system = await openBench({
    dir: join(dir.path, "system"),
    noDocker: values["no-docker"],
    report,
  });
  for (const part of chosen)
    await runPart(part, { ...system, report, count, quick: values.quick, dir: join(dir.path, part), say });
  process.stdout.write(`${report.render()}\n`);
};

if (values.help) process.stdout.write(HELP);
else {
  try {
    await bench();
  } catch (err) {
    process.stderr.write(`${messageOf(err)}\n`);
    process.exitCode = 1;
  }
}
