import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { type Part, runtimesOf } from "./bench.ts";
import { bigOutput, heldLog, sizeOf, untilSize } from "./bigOutput.ts";
import { ownMemory } from "./probe.ts";
import { configurationOf, submitRun } from "./runPath.ts";

const MEGABYTES = 1_000;
const OUTPUT = bigOutput(MEGABYTES);
/** Memory that grew with the output would be many times more at its end than here. */
const EARLY_BYTES = OUTPUT.bytes / 10;

interface Peak {
  name: string;
  pid: number;
  early: number;
  whole: number;
}

/** What each of our processes takes for itself while a gigabyte goes through it, at most. */
export const measureMemory = async (part: Part): Promise<void> => {
  const { coordinator, agents, report } = part;
  for (const runtime of runtimesOf(part)) {
    const agent = agents[runtime];
    if (!agent) throw new Error(`There is no agent with the ${runtime} runtime`);
    const name = `bench-memory-${runtime}`;
    const { submissionId } = await submitRun(coordinator, configurationOf(runtime, name, [OUTPUT.command]));
    const dir = join(agent.stateDir, "jobs", submissionId);
    await untilSize(join(dir, "spool"), 1);
    const peaks: Peak[] = [
      { name: "coordinator", pid: coordinator.program.pid, early: 0, whole: 0 },
      { name: "agent", pid: agent.program.pid, early: 0, whole: 0 },
      ...(runtime === "process" ? [{ name: "supervisor", pid: supervisorOf(dir), early: 0, whole: 0 }] : []),
    ];
    const held = heldLog(coordinator, submissionId);
    const look = () => {
      const isEarly = sizeOf(held) < EARLY_BYTES;
      for (const peak of peaks) note(peak, isEarly);
    };
    await untilSize(held, OUTPUT.bytes, look);
    await coordinator.client.waitForEnd(name, 120_000);
    const shown = peaks.map(
      ({ name: who, early, whole }) => `${who} ${early.toFixed(0)} → ${whole.toFixed(0)}`,
    );
    report.figure(
      `anonymous memory, at most, while 100 MB → 1 GB of output pass (${runtime})`,
      `${shown.join(", ")} MiB`,
    );
  }
};

const note = (peak: Peak, isEarly: boolean): void => {
  peak.whole = Math.max(peak.whole, ownMemory(peak.pid) ?? 0);
  if (isEarly) peak.early = peak.whole;
};

const supervisorOf = (dir: string): number =>
  z.object({ pid: z.number() }).parse(JSON.parse(readFileSync(join(dir, "supervisor.json"), "utf8"))).pid;
