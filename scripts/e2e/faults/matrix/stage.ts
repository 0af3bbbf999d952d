import { randomUUID } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../../../../shared/testing/tempDir.ts";
import { findFaketime } from "../../harness/faketime.ts";
import { TEST_IMAGE } from "../../harness/image.ts";
import { runOk } from "../../harness/program.ts";
import { type Registry, startRegistry } from "../../harness/registry.ts";
import { installAgent, openReleases, type Releases } from "../../harness/releases.ts";
import { openSystem, type Runtime, type System } from "../../harness/system.ts";

const STATE_MIB = 192;

/** One system on which all cells of a runtime are played, one after another. */
export interface Stage extends AsyncDisposable {
  runtime: Runtime;
  system: System;
  releases: Releases;
  /** With the docker runtime. */
  registry: Registry | undefined;
  /** The clocks of coordinator and agent are put forward by so many seconds from now on. */
  setClock(seconds: number): void;
  /** The host's next boot. */
  nextBoot(): void;
  /** An image that only the registry has. */
  publish(name: string): Promise<string>;
}

export const openStage = async (runtime: Runtime): Promise<Stage> => {
  await using undo = new AsyncDisposableStack();
  const { path: dir } = undo.use(tempDir());
  const releases = openReleases(join(dir, "releases"));
  const [clock, bootIdFile] = [join(dir, "clock"), join(dir, "boot_id")];
  const setClock = (seconds: number) => writeFileSync(clock, `+${seconds}\n`);
  const nextBoot = () => writeFileSync(bootIdFile, `${randomUUID()}\n`);
  setClock(0);
  nextBoot();
  const faketime = findFaketime();
  const timeEnv: Record<string, string> = faketime
    ? {
        LD_PRELOAD: faketime,
        FAKETIME_TIMESTAMP_FILE: clock,
        FAKETIME_NO_CACHE: "1",
        FAKETIME_DONT_FAKE_MONOTONIC: "1",
      }
    : {};
  let registry: Registry | undefined;
  const system = undo.use(
    await openSystem({
      runtime,
      coordinatorEnv: { DSTACK_SERVER_ARTIFACTS_DIR: releases.dir, ...timeEnv },
      agent: {
        program: installAgent(join(dir, "bin")),
        bootIdFile,
        env: { DSTACK_AGENT_TRIAL_SECONDS: "30", ...timeEnv },
      },
      prepare: async (stateDir) => {
        mkdirSync(stateDir, { recursive: true, mode: 0o700 });
        await runOk(["mount", "-t", "tmpfs", "-o", `size=${STATE_MIB}m,mode=700`, "dstack-matrix", stateDir]);
        return { [Symbol.asyncDispose]: async () => void (await runOk(["umount", "-l", stateDir])) };
      },
      ...(runtime === "docker"
        ? {
            registry: async (ip: string) => {
              registry = undo.use(await startRegistry({ ip, dir: join(dir, "registry") }));
              return registry.address;
            },
          }
        : {}),
    }),
  );
  const cleanUp = undo.move();
  return {
    runtime,
    system,
    releases,
    registry,
    setClock,
    nextBoot,
    publish: async (name) => {
      const image = `${registry?.address}/matrix/${name}:1`;
      await system.engine?.docker("tag", TEST_IMAGE, image);
      await system.engine?.docker("push", "-q", image);
      await system.engine?.docker("rmi", image);
      return image;
    },
    [Symbol.asyncDispose]: () => cleanUp.disposeAsync(),
  };
};
