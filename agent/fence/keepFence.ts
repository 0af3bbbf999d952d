import { readFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { isRecordAlive } from "../runtime/process/procfs.ts";
import type { SupervisorRecord } from "../runtime/process/records.ts";
import { FENCE_RECORD } from "./fence.ts";

export interface FenceOptions {
  stateDir: string;
  dockerHost: string;
  /** How this very program is started again, without arguments. */
  self: readonly string[];
  log: Logger;
}

/** Makes sure that a {@link fence} runs; cheap where one does. */
export const keepFence = ({ stateDir, dockerHost, self, log }: FenceOptions): (() => void) => {
  let started: SupervisorRecord["pid"] | undefined;
  return () => {
    if (isFenceAlive(stateDir) || (started !== undefined && isStarting(started))) return;
    try {
      const child = Bun.spawn([...self, "fence", stateDir, dockerHost], {
        cwd: "/",
        stdio: ["ignore", "ignore", "ignore"],
        detached: true,
        onExit: () => {
          started = undefined;
        },
      });
      started = child.pid;
      child.unref();
    } catch (err) {
      log.error("Cannot start the process that ends jobs without an agent", { reason: messageOf(err) });
    }
  };
};

const isStarting = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

const isFenceAlive = (stateDir: string): boolean => {
  try {
    const record = JSON.parse(readFileSync(join(stateDir, FENCE_RECORD), "utf8")) as SupervisorRecord;
    return isRecordAlive(record);
  } catch {
    return false;
  }
};
