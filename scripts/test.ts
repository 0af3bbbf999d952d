/** Every test: units, the simulator, then the whole system with compiled programs. Closes with "N passed, N failed". */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { installMissing } from "./testing/debianPackages.ts";
import { sumTallies, type Tally, tallyLine } from "./testing/tally.ts";
import { readReport, runWholeSystem, testCommand } from "./testing/wholeSystem.ts";

const root = resolve(import.meta.dir, "..");
const reports = mkdtempSync(join(tmpdir(), "dstack-tests-"));
const say = (line: string) => void process.stdout.write(`${line}\n`);

const runTests = async (name: string, args: string[]): Promise<Tally> => {
  const report = join(reports, `${name}.xml`);
  const argv = testCommand(report, args);
  const child = Bun.spawn(argv, { cwd: root, stdout: "inherit", stderr: "pipe" });
  const decoder = new TextDecoder();
  let stderr = "";
  for await (const chunk of child.stderr) {
    process.stderr.write(chunk);
    stderr += decoder.decode(chunk, { stream: true });
  }
  return readReport(report, { exitCode: await child.exited, stderr });
};

/** After these it begins no further part; all 10,000 seeds of `./scripts/sim` take ten times as long. */
const SIMULATOR_SECONDS = 60;

/** Thousands of seeds over all processors; one test, for one bug is enough to fail it. */
const runSimulator = async (): Promise<Tally> => {
  const child = Bun.spawn([process.execPath, "scripts/sim.ts", "--seconds", String(SIMULATOR_SECONDS)], {
    cwd: root,
    stdout: "inherit",
    stderr: "inherit",
  });
  const isWhole = (await child.exited) === 0;
  return { passed: isWhole ? 1 : 0, failed: isWhole ? [] : ["the simulator"], failures: [], skipped: [] };
};

const build = (): Promise<number> =>
  Bun.spawn([process.execPath, "scripts/build/main.ts", "--only", "current"], {
    cwd: root,
    stdout: "inherit",
    stderr: "inherit",
  }).exited;

const tallies: Tally[] = [];
// Downloads, mostly, and only the whole-system tests wait for them.
const installed = installMissing(say);
try {
  // They are 400 s of a processor, and wait for as long: for processes, engines, timers.
  const units = ["--parallel=4", "--timeout", "60000", "agent", "coordinator", "shared", "cli", "scripts"];
  tallies.push(await runTests("units", units));
  tallies.push(await runSimulator());

  if ((await build()) === 0) {
    await installed;
    tallies.push(await runWholeSystem({ root, reports, say }));
  } else {
    say("The programs do not build, so the whole-system tests did not run");
    tallies.push({ passed: 0, failed: ["the build"], failures: [], skipped: [] });
  }
} finally {
  rmSync(reports, { recursive: true, force: true });
}

const total = sumTallies(tallies);
for (const failure of total.failures) say(`${failure}\n`);
for (const name of total.skipped) say(`skipped: ${name}`);
for (const name of total.failed) say(`failed: ${name}`);
say(tallyLine(total));
process.exit(total.failed.length > 0 ? 1 : 0);
