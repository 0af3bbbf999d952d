/** Drives the reference's own clients, unchanged, against the compiled coordinator and agents. See `--help`. */
import { parseArgs } from "node:util";
import { messageOf } from "../shared/errors.ts";
import type { Case } from "./conforming/case.ts";
import { CASES } from "./conforming/cases.ts";
import { type Flags, listFlags, unknownFlags } from "./conforming/flags.ts";
import { isGreen, matrixOf } from "./conforming/matrix.ts";
import { type Outcome, playAll } from "./conforming/play.ts";
import { POOL_HOSTS } from "./conforming/pool.ts";
import { openRecord } from "./conforming/record.ts";
import { renderMarkdown, renderText } from "./conforming/render.ts";
import { openStage } from "./conforming/stage.ts";
import { reasonsAgainst } from "./e2e/harness/requirements.ts";
import { installStockClient, STOCK_VERSIONS, type StockVersion } from "./e2e/harness/stockClient.ts";

const HELP = `Usage: ./scripts/conformance [--only PATTERN] [--client VERSION] [--json | --markdown] [--out FILE]

Installs the command line of the reference, ${STOCK_VERSIONS.join(" and ")}, into .cache, and drives it through every command and
every flag that its parsers know, against the compiled coordinator and agents: outputs, exit codes and effects. Prints
which flags are as they should be, which wait for something that is not there yet, and which are wrong. Ends with 1 when
one is wrong, or was not tried. Takes about ten minutes. Needs root, and python3 with venv and pip.

  --only PATTERN    only cases whose name matches; what is not tried is then no failure
  --client VERSION  only this release (default: both)
  --resume FILE     what went well according to FILE is not played again; what is played is added to it
  --jobs N          so many cases at a time (default: 4)
  --json            the matrix as JSON
  --markdown        the matrix as docs/conformance.md has it
  --out FILE        write it there too
`;

const say = (text: string) => void process.stderr.write(`${text}\n`);

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    client: { type: "string" },
    resume: { type: "string" },
    jobs: { type: "string", default: "4" },
    json: { type: "boolean", default: false },
    markdown: { type: "boolean", default: false },
    out: { type: "string" },
    help: { type: "boolean", short: "h" },
  },
});

const install = async (version: StockVersion): Promise<string> => {
  const client = await installStockClient(version);
  if ("reason" in client) throw new Error(`dstack ${version} cannot be installed: ${client.reason}`);
  return client.path;
};

const record = openRecord(values.resume, CASES);
const workers = Number(values.jobs);

const playVersion = async (version: StockVersion, path: string, cases: readonly Case[]) => {
  const outcomes: Outcome[] = [];
  if (cases.length === 0) return outcomes;
  await using stage = await openStage({ hosts: POOL_HOSTS, full: true });
  await playAll(cases, {
    stage,
    version,
    path,
    workers,
    onEnd: (outcome) => {
      const { case: one, seconds, problem } = outcome;
      say(`${version} ${one.name}: ${problem ?? "as expected"} (${seconds.toFixed(1)} s)`);
      outcomes.push(outcome);
      record.add(outcome);
    },
  });
  return outcomes;
};

const conformance = async (): Promise<boolean> => {
  const versions = STOCK_VERSIONS.filter((version) => (values.client ?? version) === version);
  if (versions.length === 0)
    throw new Error(`--client is ${STOCK_VERSIONS.join(" or ")}, not "${values.client}"`);
  const reasons = reasonsAgainst(["programs", "root"]);
  if (reasons.length > 0) throw new Error(`Cannot be tried here: ${reasons.join("; ")}`);
  const flags = new Map<StockVersion, Flags>();
  const outcomes: Outcome[] = [];
  const cases = CASES.filter(({ name }) => new RegExp(values.only ?? "").test(name));
  for (const version of versions) flags.set(version, await listFlags(await install(version)));
  if (versions.length === STOCK_VERSIONS.length) {
    const unknown = unknownFlags(CASES, [...flags.values()]);
    if (unknown.length > 0) throw new Error(`No stock client has these flags: ${unknown.join(", ")}`);
  }
  for (const version of versions) {
    const earlier = record.outcomes.filter((outcome) => outcome.version === version);
    const isMeant = (one: Case) =>
      (one.versions === undefined || one.versions.includes(version)) &&
      !earlier.some((outcome) => outcome.case === one);
    const played = await playVersion(version, await install(version), cases.filter(isMeant));
    outcomes.push(...earlier, ...played);
  }
  const matrix = matrixOf(flags, outcomes);
  const text = values.json
    ? `${JSON.stringify(matrix, undefined, 2)}\n`
    : values.markdown
      ? renderMarkdown(matrix)
      : renderText(matrix);
  process.stdout.write(text);
  if (values.out) await Bun.write(values.out, text);
  return values.only === undefined ? isGreen(matrix) : matrix.failures.length === 0;
};

if (values.help) process.stdout.write(HELP);
else {
  try {
    process.exitCode = (await conformance()) ? 0 : 1;
  } catch (err) {
    say(messageOf(err));
    process.exitCode = 1;
  }
}
