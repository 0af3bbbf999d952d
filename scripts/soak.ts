/** Runs thousands of short jobs, four at a time, on hosts of both runtimes, and looks for what grows. See `--help`. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { messageOf } from "../shared/errors.ts";
import { type Footprint, footprintOf, type Watched } from "./soaking/footprint.ts";
import { openSoaked, type SoakedHost } from "./soaking/hosts.ts";
import { growthOf, renderSoak } from "./soaking/report.ts";
import { runShortJob } from "./soaking/shortJob.ts";

const HELP = `Usage: ./scripts/soak [--jobs N] [--out FILE]

Runs short jobs, four at a time, on four hosts of this machine (two with containers, two with processes), checks the
outcome and every byte of output of each, and measures the coordinator and the agents meanwhile. Prints a Markdown
table. Ends with 1 when a result was wrong or something has grown. Needs root and Docker.

  --jobs N    how many (default: 2000)
  --out FILE  write the table there too
`;

/** Looked at after so many jobs: what is there once at the start has then been made. */
const WARM = 0.1;
const LOOKS = 10;

const say = (line: string) => void process.stderr.write(`${line}\n`);

const { values } = parseArgs({
  options: {
    jobs: { type: "string", default: "2000" },
    out: { type: "string" },
    help: { type: "boolean", short: "h" },
  },
});

const soak = async (): Promise<boolean> => {
  const count = Number(values.jobs);
  if (!Number.isInteger(count) || count < 40)
    throw new Error(`--jobs takes a number from 40 on, not "${values.jobs}"`);
  const dir = mkdtempSync(join(tmpdir(), "dstack-soak-"));
  try {
    await using system = await openSoaked(dir);
    const { coordinator, hosts } = system;
    const watched: Watched[] = [
      { name: "coordinator", pid: () => coordinator.program.pid, stateDir: coordinator.home },
      ...hosts.map(({ name, agent, engine }) => ({
        name: `agent ${name}`,
        pid: () => agent.program.pid,
        stateDir: agent.stateDir,
        engine,
      })),
    ];
    const looks: { jobs: number; footprints: Footprint[] }[] = [];
    const wrong: string[] = [];
    const startedAt = performance.now();
    let next = 0;
    const work = async (host: SoakedHost, until: number) => {
      while (next < until) {
        const problem = await runShortJob(coordinator.client, host, next++).catch(messageOf);
        if (problem === undefined) continue;
        wrong.push(problem);
        say(problem);
      }
    };
    for (let at = 1; at <= LOOKS; at++) {
      const until = Math.round(count * Math.max(WARM, at / LOOKS));
      await Promise.all(hosts.map((host) => work(host, until)));
      await settled(watched);
      looks.push({ jobs: until, footprints: await Promise.all(watched.map(footprintOf)) });
      say(
        `${until} jobs after ${Math.round((performance.now() - startedAt) / 1000)} s, ${wrong.length} wrong`,
      );
    }
    const names = watched.map(({ name }) => name);
    const growth = growthOf(names, looks);
    const seconds = (performance.now() - startedAt) / 1000;
    const text = renderSoak({ names, looks, growth, wrong, count, seconds });
    process.stdout.write(text);
    if (values.out) await Bun.write(values.out, text);
    return wrong.length === 0 && growth.length === 0;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
};

/** Until what the last jobs have left is cleared away: the agents do that after they have answered for them. */
const settled = async (watched: readonly Watched[]): Promise<void> => {
  for (let [before, tries] = ["", 0]; tries < 20; tries++) {
    const now = JSON.stringify(
      (await Promise.all(watched.map(footprintOf))).map(({ files, containers, processes }) => [
        files,
        containers,
        processes,
      ]),
    );
    if (now === before) return;
    before = now;
    await Bun.sleep(500);
  }
};

if (values.help) process.stdout.write(HELP);
else {
  try {
    process.exitCode = (await soak()) ? 0 : 1;
  } catch (err) {
    process.stderr.write(`${messageOf(err)}\n`);
    process.exitCode = 1;
  }
}
