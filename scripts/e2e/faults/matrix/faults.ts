import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../../../shared/errors.ts";
import { waitFor } from "../../../../shared/testing/waitFor.ts";
import { VERSION } from "../../../../shared/version.ts";
import { findFaketime } from "../../harness/faketime.ts";
import { run } from "../../harness/program.ts";
import type { Stage } from "./stage.ts";

const HOUR_S = 3_600;
/** Longer than any wait that the fault must not run into by itself. */
const CUT_MS = 3_000;
const NEXT = "0.1.1-next";

const pause = (ms: number) => Bun.sleep(ms);

const version = async ({ system }: Stage): Promise<string | null | undefined> =>
  (await system.coordinator.client.getFleet("e2e")).instances[0]?.agent_version;

const replaceBy = async (stage: Stage, wanted: string): Promise<void> => {
  await stage.releases.offer(wanted);
  await waitFor(
    `the agent ${wanted}`,
    async () => {
      // Its poll comes back at once, and with it what it is offered.
      await stage.system.agent.command("undrain").catch((err: unknown) => {
        if (!messageOf(err).includes("No agent runs")) throw err;
      });
      return (await version(stage)) === wanted;
    },
    60_000,
  );
};

/** What happens to a host or its coordinator, and is over when it resolves. `only`: it means nothing to the others. */
export interface Fault {
  only?: "docker";
  /** The agent itself has to do something: one that is frozen before it hears of a job cannot. */
  needsAgent?: boolean;
  /** Why it cannot be played on this machine; undefined: it can. */
  missing?: () => string | undefined;
  strike(stage: Stage): Promise<void>;
}

export const FAULTS = {
  "kill -9 agent": {
    strike: async ({ system: { agent } }) => {
      await agent.program.kill9();
      agent.restart();
    },
  },
  "kill -9 coordinator": {
    strike: async ({ system: { coordinator } }) => {
      await coordinator.program.kill9();
      await coordinator.restart();
    },
  },
  "Docker restart": {
    only: "docker",
    strike: async ({ system: { engine } }) => {
      await engine?.program.stop();
      await engine?.restart();
    },
  },
  "host reboot": {
    strike: async (stage) => {
      const { agent, engine, host } = stage.system;
      // Whatever runs in the host's network is its own: agent, supervisors, jobs, engine, containers.
      const { stdout } = await run(["ip", "netns", "pids", host?.netns ?? ""]);
      for (const pid of stdout.split("\n").filter(Boolean).map(Number)) kill(pid);
      await agent.program.exited;
      await engine?.program.exited;
      stage.nextBoot();
      await engine?.reboot();
      agent.restart();
    },
  },
  "disk full": {
    strike: async ({ system: { agent } }) => {
      const filler = join(agent.stateDir, "filler");
      fill(filler);
      await pause(CUT_MS);
      rmSync(filler);
    },
  },
  "coordinator cut off": {
    strike: async ({ system: { host } }) => {
      await host?.cut();
      await pause(CUT_MS);
      await host?.mend();
    },
  },
  "clock +1 h": {
    missing: () => (findFaketime() ? undefined : "needs Debian's faketime"),
    strike: async (stage) => {
      stage.setClock(HOUR_S);
      await pause(CUT_MS);
      stage.setClock(0);
    },
  },
  upgrade: { needsAgent: true, strike: (stage) => replaceBy(stage, NEXT) },
  downgrade: { needsAgent: true, strike: (stage) => replaceBy(stage, VERSION) },
} as const satisfies Record<string, Fault>;
export type FaultName = keyof typeof FAULTS;

const kill = (pid: number): void => {
  try {
    process.kill(pid, "SIGKILL");
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== "ESRCH") throw err;
  }
};

const fill = (path: string): void => {
  const fd = openSync(path, "w");
  try {
    for (let size = 1024 * 1024; size >= 1; size = Math.floor(size / 2)) fillBy(fd, Buffer.alloc(size));
  } finally {
    closeSync(fd);
  }
};

const fillBy = (fd: number, bytes: Buffer): void => {
  try {
    for (;;) writeSync(fd, bytes);
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== "ENOSPC") throw err;
  }
};
