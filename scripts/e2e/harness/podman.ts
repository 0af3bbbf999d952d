import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "../../../shared/testing/waitFor.ts";
import type { Engine } from "./engine.ts";
import { unmountUnder } from "./mounts.ts";
import type { Host } from "./network.ts";
import { run, runOk, startProgram } from "./program.ts";

/** Podman's service of Docker's API, inside a host's network namespace, with storage of its own. */
export const startPodman = async (options: {
  host: Host;
  dir: string;
  insecureRegistry?: string;
}): Promise<Engine> => {
  const { host, dir, insecureRegistry } = options;
  if (host.netns === undefined) throw new Error(`"${host.name}" has no network of its own for an engine`);
  const runDir = `/run/${host.netns}`;
  for (const folder of [runDir, dir]) mkdirSync(folder, { recursive: true });
  const file = (name: string, text: string): string => {
    const path = join(dir, name);
    writeFileSync(path, text);
    return path;
  };
  const env = {
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    HOME: dir,
    // Its own defaults are more than a machine without CAP_SYS_RESOURCE may give.
    CONTAINERS_CONF: file(
      "containers.conf",
      '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n[engine]\ncgroup_manager = "cgroupfs"\nruntime = "runc"\nevents_logger = "file"\n',
    ),
    CONTAINERS_STORAGE_CONF: file(
      "storage.conf",
      `[storage]\ndriver = "overlay"\ngraphroot = "${dir}/root"\nrunroot = "${runDir}/containers"\n`,
    ),
    CONTAINERS_REGISTRIES_CONF: file(
      "registries.conf",
      insecureRegistry ? `[[registry]]\nlocation = "${insecureRegistry}"\ninsecure = true\n` : "",
    ),
  };
  mkdirSync(join(dir, ".config/containers"), { recursive: true });
  file(".config/containers/policy.json", '{ "default": [{ "type": "insecureAcceptAnything" }] }');
  const address = `unix://${runDir}/podman.sock`;
  const start = () =>
    startProgram({
      name: `podman on ${host.name}`,
      command: ["podman", "system", "service", "--time=0", address],
      logFile: join(dir, "podman.log"),
      env,
      cwd: dir,
      place: host,
    });
  let program = start();
  const docker = (...args: string[]) => runOk(["docker", "--host", address, ...args]);
  const dispose = async () => {
    const ids = (await docker("ps", "-aq").catch(() => "")).split("\n").filter(Boolean);
    if (ids.length > 0) await docker("rm", "-f", "-v", ...ids);
    await program[Symbol.asyncDispose]();
    await unmountUnder([runDir, dir]);
    rmSync(runDir, { recursive: true, force: true });
    rmSync(dir, { recursive: true, force: true });
  };
  const answers = () =>
    waitFor(
      "podman to answer",
      async () => {
        if (!program.isRunning()) throw new Error(`podman ended:\n${program.output()}`);
        return (await run(["docker", "--host", address, "version"])).code === 0;
      },
      30_000,
    );
  try {
    await answers();
  } catch (err) {
    await dispose();
    throw err;
  }
  return {
    address,
    get program() {
      return program;
    },
    restart: async () => {
      program = start();
      await answers();
    },
    reboot: async () => {
      await unmountUnder([runDir, dir]);
      rmSync(runDir, { recursive: true, force: true });
      mkdirSync(runDir, { recursive: true });
      program = start();
      await answers();
    },
    docker,
    [Symbol.asyncDispose]: dispose,
  };
};
