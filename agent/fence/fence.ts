import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { delay } from "../../shared/async/delay.ts";
import { systemClock } from "../../shared/clock.ts";
import { messageOf } from "../../shared/errors.ts";
import { createLogger } from "../../shared/log.ts";
import { openHostClock, uptimeMs } from "../hostClock.ts";
import { openCgroups } from "../runtime/process/cgroups.ts";
import { endSupervisor } from "../runtime/process/endSupervisor.ts";
import { bootId, ownRecord } from "../runtime/process/procfs.ts";
import { findOverdue } from "./overdueJobs.ts";

const LOOK_MS = 1_000;
/** Without a job to look after it goes; the agent starts another one for the next. */
const IDLE_LOOKS = 30;

/** Where the running one tells who it is. */
export const FENCE_RECORD = "fence.json";

/**
 * `dstack-agent fence STATE_DIR DOCKER_HOST`: the process that ends jobs which may go on elsewhere when there is no agent
 * to do it (docs/adr/0014-fence.md). It outlives the agent as supervisors do, and looks only at what the agent has left:
 * limits, the time of the last answer, supervisors and containers.
 */
export const fence = async (stateDir: string, dockerHost: string): Promise<void> => {
  const log = createLogger({ level: "info", format: "json", write: (line) => process.stderr.write(line) });
  const time = { bootId: bootId(), uptimeMs, wallMs: Date.now, after: systemClock.after };
  const clock = openHostClock(join(stateDir, "clock"), time, log);
  const cgroups = openCgroups({ root: "/", log });
  const record = join(stateDir, FENCE_RECORD);
  writeFileSync(record, JSON.stringify(ownRecord()), { mode: 0o600 });
  const never = new AbortController().signal;
  const ended = new Set<string>();
  for (let idle = 0; idle < IDLE_LOOKS; ) {
    const { ids, limited } = findOverdue(stateDir, clock.steady());
    idle = limited === 0 ? idle + 1 : 0;
    for (const id of ids.filter((one) => !ended.has(one))) {
      try {
        await endSupervisor({ cgroups }, id, join(stateDir, "jobs", id));
        const { killContainers } = await import("./killContainers.ts");
        if (await killContainers(dockerHost, id)) ended.add(id);
      } catch (err) {
        log.warn("A job that may go on elsewhere cannot be ended; trying again", {
          submission_id: id,
          reason: messageOf(err),
        });
      }
    }
    await delay(LOOK_MS, never);
  }
  rmSync(record, { force: true });
};
