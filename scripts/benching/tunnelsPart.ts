import { existsSync, mkdirSync } from "node:fs";
import { delay } from "../../shared/async/delay.ts";
import { cleanEnvironment } from "../e2e/harness/programs.ts";
import { reasonsAgainst } from "../e2e/harness/requirements.ts";
import { installPackages } from "../testing/debianPackages.ts";
import type { Part } from "./bench.ts";
import { inMb } from "./bigOutput.ts";
import { timeCommand, timeRepeatedly } from "./firstByte.ts";
import { measureRun } from "./runPath.ts";
import { percentile } from "./stats.ts";
import { timeAttach } from "./tunnels/attachTime.ts";
import { SOCAT } from "./tunnels/floor.ts";
import { measureKeyPresses } from "./tunnels/keyPress.ts";
import { openLab, type Site } from "./tunnels/lab.ts";
import { SSHD } from "./tunnels/openSshd.ts";
import { measureStream, watchMemory } from "./tunnels/streams.ts";
import {
  measureCrowd,
  measureFirstBytes,
  measureRoundTrips,
  openDownload,
  type Way,
} from "./tunnels/traffic.ts";

/** Round trips of the long ways, ms, and how wide they are. */
const LONG_WAYS_MS = [50, 100];
const MBIT_PER_S = 1_000;
/** Others than the greedy one. */
const CROWD = 499;
const SATURATED_RUNS = 20;

/** Ports and shells of a job, beside what OpenSSH makes of the same way in the same run. */
export const measureTunnels = async (part: Part): Promise<void> => {
  const { report, dir, say } = part;
  if (!existsSync(SSHD) || !existsSync(SOCAT)) await installPackages(["openssh-server", "socat"], say);
  const reasons = [...reasonsAgainst(["programs", "root"]), ...(existsSync(SSHD) ? [] : [`needs ${SSHD}`])];
  if (reasons.length > 0) {
    report.note(`Tunnels were left out: ${reasons.join("; ")}`);
    return;
  }
  mkdirSync(dir, { recursive: true });
  await using lab = await openLab(dir);
  // The fleet that the runs of runPath.ts go to.
  const near = await lab.addSite("process");
  await measureStream(part, near, "here");
  await measureStalled(part, near);
  await measureSmall(part, near);
  await measureGreedy(part, near);
  await measureShell(part, lab.coordinator, near);
  await measureAttach(part, lab.coordinator, near);
  await measureSync({ ...part, coordinator: lab.coordinator }, near);
  for (const ms of LONG_WAYS_MS) {
    const far = await lab.addSite(`far${ms}`, { delayMs: ms / 2, mbitPerS: MBIT_PER_S });
    const times = await measureRoundTrips(far.raw, 10);
    say(`a round trip of ${ms} ms took ${percentile(times, 0.5).toFixed(1)} ms`);
    await measureStream(part, far, `${ms} ms away, ${MBIT_PER_S} Mbit/s`);
  }
};

const waysOf = ({ sshForward, relay, direct }: Site): Way[] => [sshForward, relay, direct];

/** Nobody may hold more than a window for somebody who does not read. */
const measureStalled = async ({ report }: Part, site: Site): Promise<void> => {
  using download = await openDownload(site.relay);
  await delay(1_000);
  const memory = watchMemory(site);
  download.stall();
  for (let at = 0; at < 20; at += 1) {
    memory.look();
    await delay(100);
  }
  report.figure("own memory while a reader takes nothing, above what it was", memory.shown());
};

const measureSmall = async ({ report, count }: Part, site: Site): Promise<void> => {
  const shown = (times: readonly number[], base: readonly number[]) =>
    `${inFine(percentile(times, 0.5))} p50, ${inFine(percentile(times, 0.99))} p99; ` +
    `${inFine(percentile(times, 0.5) - percentile(base, 0.5))} more than without, p50`;
  const pings = await measureRoundTrips(site.raw, 40 * count);
  report.figure("64 bytes there and back: no tunnel", shown(pings, pings));
  for (const way of waysOf(site))
    report.figure(
      `64 bytes there and back: ${way.name}`,
      shown(await measureRoundTrips(way, 40 * count), pings),
    );
  const most = { count: 40 * count, mostMs: 5_000 };
  const firsts = await measureFirstBytes(site.raw, most);
  report.figure("a new connection to its first byte: no tunnel", shown(firsts, firsts));
  for (const way of waysOf(site))
    report.figure(
      `a new connection to its first byte: ${way.name}`,
      shown(await measureFirstBytes(way, most), firsts),
    );
};

const measureGreedy = async ({ report, quick }: Part, site: Site): Promise<void> => {
  for (const way of waysOf(site)) {
    const crowd = { streams: CROWD, ms: quick ? 3_000 : 8_000, everyMs: 500 };
    const { times, greedy } = await measureCrowd(way, crowd);
    report.figure(
      `${CROWD} streams that ask twice a second, beside a greedy one: ${way.name}`,
      `${inFine(percentile(times, 0.5))} p50, ${inFine(percentile(times, 0.99))} p99 (${times.length}); greedy ${inMb(greedy)}`,
    );
  }
};

const measureShell = async (
  { report, count, quick }: Part,
  { home }: Part["coordinator"],
  { sshd, shell }: Site,
): Promise<void> => {
  const options = { count: 10 * count, env: cleanEnvironment(home) };
  const command = [...sshd.command, "-tt", sshd.destination];
  const ssh = await measureKeyPresses([...command, "cat"], options);
  report.figure("a key and its echo: ssh to sshd", inPercentiles(ssh));
  const ours = await measureKeyPresses([...shell, "cat"], options);
  const added = percentile(ours, 0.5) - percentile(ssh, 0.5);
  report.figure("a key and its echo: ssh to the job", `${inPercentiles(ours)}; ${inFine(added)} added, p50`);
  for (const [what, argv] of [
    ["sshd", command],
    ["the job", shell],
  ] as const) {
    const measure = () => timeCommand([...argv, "echo", "here"], "here", { env: options.env });
    const times = await timeRepeatedly(quick ? 3 : 10, measure);
    report.times(
      `\`ssh\` to ${what}, start → first output`,
      times.map(({ firstMs }) => firstMs),
    );
  }
};

const measureAttach = async ({ report, count }: Part, coordinator: Part["coordinator"], { run }: Site) => {
  const all = [];
  for (let at = 0; at < Math.max(5, count / 2); at += 1) all.push(await timeAttach(coordinator, run));
  report.times(
    "`dstack attach` of a running job, start → `Attached`",
    all.map(({ attachedMs }) => attachedMs),
  );
  report.times(
    "… Ctrl-C → exit",
    all.map(({ detachedMs }) => detachedMs),
  );
};

/** What goes over sync: a run's command begins, on the host whose tunnel is full. */
const measureSync = async ({ report, coordinator, quick }: Part, site: Site): Promise<void> => {
  const begin = async (name: string) => {
    const times: number[] = [];
    for (let at = 0; at < (quick ? SATURATED_RUNS / 4 : SATURATED_RUNS); at += 1)
      times.push((await measureRun(coordinator, "process", `${name}-${at}`)).started);
    return times;
  };
  report.figure("a run is asked for → its command begins: nothing else", inPercentiles(await begin("quiet")));
  using _download = await openDownload(site.relay);
  const saturated = await begin("full");
  report.figure(
    "a run is asked for → its command begins: the host's tunnel is full",
    inPercentiles(saturated),
  );
};

const inFine = (ms: number): string => `${ms.toFixed(2)} ms`;
const inPercentiles = (times: readonly number[]): string =>
  `${inFine(percentile(times, 0.5))} p50, ${inFine(percentile(times, 0.99))} p99`;
