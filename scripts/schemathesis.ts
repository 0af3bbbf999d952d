/** Calls every route of a coordinator thousands of times with made-up requests, as each kind of caller. See `--help`. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ROUTES } from "../coordinator/http/routes.ts";
import { type Caller, startSeeded } from "../coordinator/testing/seeded.ts";
import { messageOf } from "../shared/errors.ts";
import { type Fuzzed, fuzz, installSchemathesis } from "./fuzzing/schemathesis.ts";

const HELP = `Usage: ./scripts/schemathesis [--max-examples N] [--caller NAME]... [--seed N]

Installs Schemathesis from the Python package index into .cache, starts a coordinator with something of everything for
each kind of caller, and calls all of its routes with what Schemathesis makes up from the API's description. Ends with 1
if an answer was a 5xx, or other than described.

  --max-examples N  calls of each route beside those that cover its schema (default: 40)
  --caller NAME     gadmin, padmin, manager, member, outsider or nobody; may be repeated (default: all)
  --seed N          of what is made up (default: a new one)
`;

const ALL: readonly Caller[] = ["gadmin", "padmin", "manager", "member", "outsider", "nobody"];

const say = (line: string) => void process.stdout.write(`${line}\n`);

const { values } = parseArgs({
  options: {
    "max-examples": { type: "string", default: "40" },
    caller: { type: "string", multiple: true },
    seed: { type: "string" },
    help: { type: "boolean", short: "h" },
  },
});

const fuzzAs = async (
  caller: Caller,
  options: { path: string; dir: string; seed: number },
): Promise<Fuzzed> => {
  await using seeded = await startSeeded();
  const token = seeded.tokens[caller];
  const most = Number(values["max-examples"]);
  // What covers each schema is the same for all, and is tens of thousands of calls.
  const phases = caller === "gadmin" ? "coverage,fuzzing" : "fuzzing";
  return await fuzz({ ...options, seeded, token, most, phases });
};

const main = async (): Promise<number> => {
  const wanted = values.caller ?? ALL;
  const callers = ALL.filter((caller) => wanted.includes(caller));
  if (callers.length < wanted.length) throw new Error(`--caller takes one of ${ALL.join(", ")}`);
  const installed = await installSchemathesis();
  if ("reason" in installed) throw new Error(`Cannot install Schemathesis: ${installed.reason}`);
  const seed = Number(values.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]);
  const dir = mkdtempSync(join(tmpdir(), "dstack-fuzz-"));
  let cases = 0;
  let failures = 0;
  try {
    for (const caller of callers) {
      const startedAt = performance.now();
      const fuzzed = await fuzzAs(caller, { ...installed, dir, seed });
      cases += fuzzed.cases;
      failures += fuzzed.failures;
      if (fuzzed.failures > 0) say(fuzzed.output);
      const seconds = Math.round((performance.now() - startedAt) / 1000);
      say(
        `${caller}: ${fuzzed.cases} cases, ${fuzzed.failures} failures, ${fuzzed.accepted.size} of ${ROUTES.length} routes accepted some, ${seconds} s`,
      );
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  say(`schemathesis: ${cases} cases, ${failures} failures (seed ${seed})`);
  return failures === 0 ? 0 : 1;
};

if (values.help) process.stdout.write(HELP);
else
  process.exitCode = await main().catch((err: unknown) => {
    process.stderr.write(`${messageOf(err)}\n`);
    return 2;
  });
