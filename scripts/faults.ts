/** Plays the fault matrix on this machine. See `--help`. */
import { parseArgs } from "node:util";
import { messageOf } from "../shared/errors.ts";
import { ALL_CELLS, type Cell, type Outcome, playCell, whyLeftOut } from "./e2e/faults/matrix/cell.ts";
import { renderMatrix } from "./e2e/faults/matrix/render.ts";
import { openStage, type Stage } from "./e2e/faults/matrix/stage.ts";
import { reasonsAgainst } from "./e2e/harness/requirements.ts";
import { NEEDS, type Runtime } from "./e2e/harness/system.ts";
import { installMissing } from "./testing/debianPackages.ts";

const HELP = `Usage: ./scripts/faults [--runtime NAME] [--only TEXT] [--repeat N] [--out FILE]

Plays every fault (kills, restarts, a reboot, a full disk, a cut, a clock that jumps, upgrade and downgrade) at four
moments of a job's life, on both runtimes, with the compiled programs, real engines and real pulls, and prints a
Markdown table. Ends with 1 when a job was lost, doubled or misreported, or something was left. Needs root; Debian's
docker.io, busybox-static, docker-registry and faketime, which it installs where it can.

  --runtime NAME  process or docker (default: both)
  --only TEXT     only cells with this in the name of the fault or moment
  --repeat N      play each cell so often; a job's start is hit a little later each time
  --out FILE      write the table there too
`;

const say = (text: string) => void process.stderr.write(`${text}\n`);

const { values } = parseArgs({
  options: {
    runtime: { type: "string" },
    only: { type: "string" },
    repeat: { type: "string", default: "1" },
    out: { type: "string" },
    help: { type: "boolean", short: "h" },
  },
});

const count = Number(values.repeat);

const playOnce = async (stage: Stage, cell: Cell, turn: number): Promise<Outcome> => {
  const outcome = await playCell(stage, cell, turn).catch(
    (err: unknown): Outcome => ({
      ...cell,
      runtime: stage.runtime,
      status: "unknown",
      exitStatus: null,
      reason: "",
      log: "unknown",
      hash: "",
      problems: [messageOf(err).split("\n")[0] ?? ""],
    }),
  );
  const { runtime, status, log, problems } = outcome;
  const wrong = problems.length > 0 ? `: ${problems.join(", ")}` : "";
  say(`${runtime}, ${cell.moment}, ${cell.fault}: ${status}, ${log}${wrong}`);
  return outcome;
};

const play = async (runtime: Runtime, leftOut: Map<string, string>): Promise<Outcome[]> => {
  const reasons = reasonsAgainst([
    ...NEEDS[runtime],
    "root",
    ...(runtime === "docker" ? (["registry"] as const) : []),
  ]);
  if (reasons.length > 0)
    throw new Error(`The ${runtime} runtime cannot be tried here: ${reasons.join("; ")}`);
  const isMeant = ({ fault, moment }: Cell) => `${fault} ${moment}`.includes(values.only ?? "");
  await using stage = await openStage(runtime);
  const outcomes: Outcome[] = [];
  for (const cell of ALL_CELLS.filter(isMeant)) {
    const why = whyLeftOut(cell, runtime);
    if (why !== undefined) {
      leftOut.set(`${runtime}/${cell.fault}/${cell.moment}`, why);
      continue;
    }
    for (let turn = 0; turn < count; turn += 1) {
      await stage.system.ensureUp();
      outcomes.push(await playOnce(stage, cell, turn));
    }
  }
  return outcomes;
};

const faults = async (): Promise<boolean> => {
  const runtimes = (["process", "docker"] as const).filter((name) => (values.runtime ?? name) === name);
  if (!Number.isInteger(count) || count < 1)
    throw new Error(`--repeat takes a whole number, not "${values.repeat}"`);
  if (runtimes.length === 0) throw new Error(`--runtime is process or docker, not "${values.runtime}"`);
  await installMissing(say);
  const outcomes: Outcome[] = [];
  const leftOut = new Map<string, string>();
  for (const runtime of runtimes) outcomes.push(...(await play(runtime, leftOut)));
  const text = renderMatrix(outcomes, leftOut);
  process.stdout.write(text);
  if (values.out) await Bun.write(values.out, text);
  return outcomes.every(({ problems }) => problems.length === 0);
};

if (values.help) process.stdout.write(HELP);
else {
  try {
    process.exitCode = (await faults()) ? 0 : 1;
  } catch (err) {
    process.stderr.write(`${messageOf(err)}\n`);
    process.exitCode = 1;
  }
}
