import { join } from "node:path";
import { Glob } from "bun";
import { inLanes, longestFirst } from "./lanes.ts";
import { type BunTest, readTally, sumTallies, type Tally } from "./tally.ts";

export const testCommand = (report: string, args: readonly string[]): string[] => [
  ...[process.execPath, "test", "--reporter=junit", `--reporter-outfile=${report}`],
  ...args,
];

/** What `bun test` came to, whose report is in a file. */
export const readReport = async (report: string, ended: Omit<BunTest, "junit">): Promise<Tally> => {
  const file = Bun.file(report);
  return readTally({ ...ended, junit: (await file.exists()) ? await file.text() : "" });
};

/** Each has programs and networks of its own, and mostly waits for them. */
const LANES = 4;
/** Several times what the longest takes: one that hangs must not take the others' results with it. */
const LONGEST_MS = 20 * 60_000;

export interface WholeSystemOptions {
  root: string;
  /** A folder for what is needed meanwhile. */
  reports: string;
  say: (line: string) => void;
  lanes?: number;
}

/**
 * The tests in `scripts/e2e`, every file in a process of its own, and what it says in one piece. Bun's own lanes take the
 * files in the order of their names, and the longest may be the last.
 */
export const runWholeSystem = async (options: WholeSystemOptions): Promise<Tally> => {
  const { root, reports, say, lanes = LANES } = options;
  const files = [...new Glob("scripts/e2e/**/*.test.ts").scanSync({ cwd: root })];
  const runFile = async (file: string): Promise<Tally> => {
    const startedAt = performance.now();
    const report = join(reports, `${file.replaceAll("/", "-")}.xml`);
    // bunfig.toml keeps these from a plain `bun test`; any other pattern here lets them in.
    const args = ["--path-ignore-patterns", "node_modules/**", "--timeout", "180000", `./${file}`];
    // Files, and no pipes: what a test has left running may hold those open.
    const [stdout, stderr] = [Bun.file(`${report}.out`), Bun.file(`${report}.err`)];
    const child = { cwd: root, stdout, stderr, timeout: LONGEST_MS, killSignal: "SIGKILL" } as const;
    const exitCode = await Bun.spawn(testCommand(report, args), child).exited;
    const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
    const said = await stderr.text();
    for (const each of [await stdout.text(), said]) say(each.trimEnd());
    say(`${file} took ${seconds} s\n`);
    const { failed, ...rest } = await readReport(report, { exitCode, stderr: said });
    // A file that does not load names no test.
    return { ...rest, failed: failed.map((name) => (name.includes(file) ? name : `${file}: ${name}`)) };
  };
  return sumTallies(await inLanes(longestFirst(files), lanes, runFile));
};
