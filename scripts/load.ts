/** Loads a coordinator with thousands of agents on this machine. See `--help`. */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { messageOf } from "../shared/errors.ts";
import { createReport } from "./benching/table.ts";
import { PARTS, type PartName } from "./loading/parts.ts";

const HELP = `Usage: ./scripts/load [PART]... [--agents N] [--out DIR]

Runs the compiled coordinator, and agents that speak the real protocol over loopback, and prints a Markdown table.
Needs two file descriptors for each agent: see ulimit -n.

${Object.entries(PARTS)
  .map(([name, { summary }]) => `  ${name.padEnd(12)} ${summary}`)
  .join("\n")}

  --agents N   the most agents (default: 10000)
  --out DIR    write plots there, as CSV and SVG
`;

const isPart = (name: string): name is PartName => name in PARTS;
const say = (line: string) => void process.stderr.write(`${line}\n`);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    agents: { type: "string", default: "10000" },
    out: { type: "string" },
    help: { type: "boolean", short: "h" },
  },
});

const load = async (): Promise<void> => {
  const unknown = positionals.find((name) => !isPart(name));
  if (unknown !== undefined) throw new Error(`Unknown part "${unknown}"; see --help`);
  const agents = Number(values.agents);
  if (!Number.isInteger(agents) || agents < 1)
    throw new Error(`--agents takes a whole number, not "${values.agents}"`);
  const chosen = positionals.length > 0 ? positionals.filter(isPart) : Object.keys(PARTS).filter(isPart);
  if (values.out !== undefined) mkdirSync(values.out, { recursive: true });
  const root = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "dstack-load-"));
  const report = createReport(say);
  try {
    for (const part of chosen) {
      say(`--- ${part}`);
      await PARTS[part].run({ report, dir: join(root, part), out: values.out, agents, say });
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
  process.stdout.write(`${report.render()}\n`);
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
