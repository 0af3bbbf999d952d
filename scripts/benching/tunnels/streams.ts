import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Part } from "../bench.ts";
import { inMb } from "../bigOutput.ts";
import { cpuSeconds, ownMemory } from "../probe.ts";
import { openFloor, SOCAT } from "./floor.ts";
import type { Site } from "./lab.ts";
import { measureSpeed } from "./traffic.ts";

/** One stream, by each way; beside it what OpenSSH and programs that only pass bytes on make of the same way. */
export const measureStream = async (
  { report, quick, dir }: Part,
  site: Site,
  where: string,
): Promise<void> => {
  const times = quick ? { warmUpMs: 2_000, ms: 1_000 } : { warmUpMs: 5_000, ms: 5_000 };
  const { speed: raw } = await measureSpeed(site.raw, times);
  report.figure(`one stream, ${where}: no tunnel`, inBoth(raw));
  const { speed: ssh } = await measureSpeed(site.sshForward, times);
  report.figure(`one stream, ${where}: ssh -L`, inBoth(ssh));
  await using floor = existsSync(SOCAT)
    ? await openFloor(site.host, join(dir, `floor-${site.run}`))
    : undefined;
  for (const way of ["relay", "direct"] as const) {
    const base = floor && (await measureSpeed(floor[way], times));
    if (floor && base) report.figure(`one stream, ${where}: ${floor[way].name}`, inBoth(base.speed));
    const [memory, time] = [watchMemory(site), watchTime(site)];
    const { speed, bytes } = await measureSpeed(site[way], { ...times, whileItRuns: memory.look });
    const toFloor = base ? `, ${(speed / base.speed).toFixed(2)} of socat` : "";
    report.figure(
      `one stream, ${where}: ${way}`,
      `${inBoth(speed)}, ${(speed / ssh).toFixed(2)} of ssh -L${toFloor}`,
    );
    report.figure("… processor seconds a gigabyte", time.shown(bytes));
    report.figure("… own memory meanwhile, at most, above what it was", memory.shown());
  }
};

export const watchMemory = ({ programs }: Site) => {
  const all = Object.entries(programs).map(([name, { pid }]) => {
    const before = ownMemory(pid) ?? 0;
    return { name, pid, before, most: before };
  });
  return {
    look: () => {
      for (const one of all) one.most = Math.max(one.most, ownMemory(one.pid) ?? 0);
    },
    shown: () =>
      all
        .map(({ name, before, most }) => `${name} ${(most - before).toFixed(0)} (${most.toFixed(0)})`)
        .join(", ")
        .concat(" MiB"),
  };
};

/** Other than the speed, it hardly depends on what else a machine does. */
const watchTime = ({ programs }: Site) => {
  const all = Object.entries(programs).map(([name, { pid }]) => ({ name, pid, before: cpuSeconds(pid) }));
  return {
    shown: (bytes: number) =>
      all
        .map(({ name, pid, before }) => `${name} ${(((cpuSeconds(pid) - before) * 1e9) / bytes).toFixed(2)}`)
        .join(", "),
  };
};

const inBoth = (speed: number): string => `${inMb(speed)} (${(speed * 8).toFixed(0)} Mbit/s)`;
