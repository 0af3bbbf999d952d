import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "../../../shared/testing/waitFor.ts";
import { unmountUnder } from "./mounts.ts";
import type { Host } from "./network.ts";
import { type Program, run, runOk, startProgram } from "./program.ts";

/** A Docker engine of a host's own, inside its network namespace. */
export interface Engine extends AsyncDisposable {
  /** For DOCKER_HOST. */
  address: string;
  program: Program;
  /** After `program.stop()` or `program.kill9()`: another process over the same state; resolves when it answers. */
  restart(): Promise<void>;
  /** After everything on its host was killed: as a host comes up again, with nothing mounted and an empty /run. */
  reboot(): Promise<void>;
  /** `docker ARGS` against this engine. */
  docker(...args: string[]): Promise<string>;
}

export interface EngineOptions {
  host: Host;
  /** Images and containers lie here; the storage driver must work on its file system. */
  dir: string;
  /** `address:port` of a registry without TLS that it may pull from. */
  insecureRegistry?: string;
  /** Further flags for dockerd. */
  flags?: readonly string[];
}

/** overlay2 wherever the kernel and the file system have it; vfs copies every layer, but works everywhere. */
const STORAGE_DRIVERS = ["overlay2", "vfs"];

export const startEngine = async (options: EngineOptions): Promise<Engine> => {
  const failures: string[] = [];
  for (const driver of STORAGE_DRIVERS) {
    try {
      return await startEngineWith(options, driver);
    } catch (err) {
      failures.push(String(err));
    }
  }
  throw new Error(`No storage driver works for dockerd:\n${failures.join("\n")}`);
};

const startEngineWith = async (options: EngineOptions, driver: string): Promise<Engine> => {
  const { host, dir, insecureRegistry, flags = [] } = options;
  // A socket's path has room for about 100 characters, so these are not under `dir`.
  if (host.netns === undefined) throw new Error(`"${host.name}" has no network of its own for an engine`);
  const runDir = `/run/${host.netns}`;
  mkdirSync(runDir, { recursive: true });
  mkdirSync(dir, { recursive: true });
  const address = `unix://${runDir}/docker.sock`;
  const start = () =>
    startProgram({
      name: `dockerd on ${host.name}`,
      command: [
        "dockerd",
        `--host=${address}`,
        `--data-root=${join(dir, driver)}`,
        `--exec-root=${join(runDir, "exec")}`,
        `--pidfile=${join(runDir, "docker.pid")}`,
        `--storage-driver=${driver}`,
        "--log-level=warn",
        ...(insecureRegistry ? [`--insecure-registry=${insecureRegistry}`] : []),
        ...flags,
      ],
      logFile: join(dir, "dockerd.log"),
      env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
      cwd: dir,
      place: host,
    });
  let program = start();
  const docker = (...args: string[]) => runOk(["docker", "--host", address, ...args]);
  const dispose = async () => {
    // Containers end with their engine: their shims would outlive it and hold the namespace.
    const ids = (await docker("ps", "-aq").catch(() => "")).split("\n").filter(Boolean);
    if (ids.length > 0) await docker("rm", "-f", "-v", ...ids);
    await program[Symbol.asyncDispose]();
    await unmountUnder([runDir, dir]);
    rmSync(runDir, { recursive: true, force: true });
    rmSync(dir, { recursive: true, force: true });
  };
  const answers = () =>
    waitFor(
      `dockerd (${driver}) to answer`,
      async () => {
        if (!program.isRunning()) throw new Error(`dockerd (${driver}) ended:\n${program.output()}`);
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
