import { readFileSync, writeFileSync } from "node:fs";
import { z } from "zod";
import type { Clock } from "../shared/clock.ts";
import { messageOf } from "../shared/errors.ts";
import type { Logger } from "../shared/log.ts";

/** How the host tells the time. */
export interface HostTime {
  /** Names the host's time since its last start; another one after the next. */
  bootId: string;
  /** Milliseconds since then, those that it slept included: nobody can set it. */
  uptimeMs: () => number;
  /** The machine's clock. */
  wallMs: () => number;
  after: Clock["after"];
}

export interface HostClock extends Clock {
  /** True where an earlier process of the agent ran since the host was started. */
  isSameBoot: boolean;
}

const Anchor = z.object({ boot_id: z.string(), booted_at: z.number() });

/** A host that slept has lost count: so often a timer looks whether it is due. */
const LOOK_MS = 5_000;

/**
 * The time of a host, by which its agent keeps what it promised (shared/protocol/assignment.ts): the moment of its start
 * by its clock as it was then, and what has passed since. Putting the clock forward or back changes nothing of it, nor
 * does another start of the agent, for `path` keeps the moment.
 */
export const openHostClock = (path: string, time: HostTime, log: Logger): HostClock => {
  const known = readAnchor(path);
  const isSameBoot = known?.boot_id === time.bootId;
  const bootedAt = isSameBoot ? known.booted_at : time.wallMs() - time.uptimeMs();
  if (!isSameBoot) {
    try {
      writeFileSync(path, JSON.stringify({ boot_id: time.bootId, booted_at: bootedAt }), { mode: 0o600 });
    } catch (err) {
      log.warn("Cannot note when the host was started", { path, reason: messageOf(err) });
    }
  }
  const now = () => Math.floor(bootedAt + time.uptimeMs());
  const after: Clock["after"] = (ms, fire) => {
    const dueAt = time.uptimeMs() + ms;
    let cancel = () => {};
    const look = () => {
      const leftMs = dueAt - time.uptimeMs();
      if (leftMs <= 0) fire();
      else cancel = time.after(Math.min(leftMs, LOOK_MS), look);
    };
    cancel = time.after(Math.min(Math.max(0, ms), LOOK_MS), look);
    return () => cancel();
  };
  return { isSameBoot, now, steady: now, after };
};

/** Undefined where there is none, or a crash has left half of one. */
const readAnchor = (path: string): z.infer<typeof Anchor> | undefined => {
  try {
    return Anchor.safeParse(JSON.parse(readFileSync(path, "utf8"))).data;
  } catch {
    return undefined;
  }
};

/** CLOCK_BOOTTIME in milliseconds, as proc(5) gives it; elsewhere this process's own steady time, which is not kept. */
export const uptimeMs = (): number => {
  try {
    return Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]) * 1000;
  } catch {
    return performance.now();
  }
};
