import { delay } from "../../../shared/async/delay.ts";
import type { Cgroups } from "./cgroups.ts";
import { killCgroups, processesIn } from "./jobCgroup.ts";
import { killAll, signal } from "./kill.ts";
import { isRecordAlive, processesWith } from "./procfs.ts";
import { findExit, findSupervisor } from "./records.ts";

/** How long a supervisor that was told to go may take to end its job. */
const END_MS = 7_000;

interface Left {
  cgroups: Pick<Cgroups, "find">;
}

/** Kills what is left of a job whose supervisor is dead. */
export const killLeft = async ({ cgroups }: Left, submissionId: string): Promise<void> => {
  killCgroups(cgroups.find(submissionId));
  await killAll(() => [
    ...processesIn(cgroups.find(submissionId)),
    ...processesWith("DSTACK_JOB_ID", submissionId),
  ]);
};

/** Ends a job by its supervisor, which leaves a record of the end, or without it. Nothing where there never was one. */
export const endSupervisor = async (left: Left, submissionId: string, dir: string): Promise<void> => {
  const record = findSupervisor(dir);
  if (!record) return;
  if (isRecordAlive(record)) {
    signal(record.pid, "SIGTERM");
    const until = performance.now() + END_MS;
    while (isRecordAlive(record) && performance.now() < until) await delay(5);
    if (isRecordAlive(record)) await killAll(() => [record.pid]);
  }
  if (findExit(dir)) return;
  await killLeft(left, submissionId);
};
