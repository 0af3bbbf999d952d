/** Loads a coordinator with thousands of agents on this machine. See `--help`. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { messageOf } from "../shared/errors.ts";
import { FULL, QUICK } from "./loading/part.ts";
import { PARTS, type PartName } from "./loading/parts.ts";
import { runLoad } from "./loading/run.ts";

const HELP = `Usage: ./scripts/load [PART]... [--quick] [--out DIR]

Runs the compiled coordinator, and agents that speak the real protocol over loopback, and prints what was promised and
what was measured as a Markdown table. Takes about five minutes, and two file descriptors for each agent: see ulimit -n.
Exits with 1 when something is not as promised.

${Object.entries(PARTS)
  .map(([name, { summary }]) => `  ${name.padEnd(12)} ${summary}`)
  .join("\n")}

  --quick      with a tenth of the hosts and jobs, in about two minutes: to see that it works
  --out DIR    write the plots there, as SVG and CSV (default: dist/load)
`;

const isPart = (name: string): name is PartName => name in PARTS;
const say = (line: string) => void process.stderr.write(`${line}\n`);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    out: { type: "string", default: "dist/load" },
    help: { type: "boolean", short: "h" },
  },
});

const load = async (): Promise<void> => {
  const unknown = positionals.find((name) => !isPart(name));
  if (unknown !== undefined) throw new Error(`Unknown part "${unknown}"; see --help`);
  const parts = Object.keys(PARTS)
    .filter(isPart)
    .filter((name) => positionals.length === 0 || positionals.includes(name));
  const dir = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "dstack-load-"));
  try {
    const figures = await runLoad({ parts, scale: values.quick ? QUICK : FULL, dir, say });
    figures.writePlots(values.out);
    process.stdout.write(`${figures.render()}\n\nPlots are in ${values.out}\n`);
    if (!figures.allOk()) process.exitCode = 1;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
};

if (values.help) process.stdout.write(HELP);
else {
  try {
    await load();
  } catch (err) {
    process.stderr.write(`${messageOf(err)}\n`);
    process.exitCode = 1;
  }
}
