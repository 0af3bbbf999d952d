import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "../../../shared/testing/waitFor.ts";
import { unmountUnder } from "./mounts.ts";
import type { Host } from "./network.ts";
import { type Program, type ProgramOptions, run, runOk, startProgram } from "./program.ts";

/** A container engine of a host's own, inside its network namespace. */
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

/** The program that is to answer at `address`, with what it needs in `runDir` and the engine's folder. */
type Command = (place: {
  runDir: string;
  address: string;
}) => Pick<ProgramOptions, "name" | "command" | "env" | "logFile">;

/** Starts an engine and waits until it answers; nothing of it is left when that fails, or at its end. */
export const startLife = async ({ host, dir }: EngineOptions, commandOf: Command): Promise<Engine> => {
  if (host.netns === undefined) throw new Error(`"${host.name}" has no network of its own for an engine`);
  // A socket's path has room for about 100 characters, so this is not under `dir`.
  const runDir = `/run/${host.netns}`;
  for (const folder of [runDir, dir]) mkdirSync(folder, { recursive: true });
  const address = `unix://${runDir}/engine.sock`;
  const options = { ...commandOf({ runDir, address }), cwd: dir, place: host };
  let program = startProgram(options);
  const docker = (...args: string[]) => runOk(["docker", "--host", address, ...args]);
  const dispose = async () => {
    // Containers end with their engine: their shims would outlive it and hold the namespace.
    const ids = (await docker("ps", "-aq").catch(() => "")).split("\n").filter(Boolean);
    if (ids.length > 0) await docker("rm", "-f", "-v", ...ids);
    await program[Symbol.asyncDispose]();
    await unmountUnder([runDir, dir]);
    for (const folder of [runDir, dir]) rmSync(folder, { recursive: true, force: true });
  };
  const answers = () =>
    waitFor(
      `${options.name} to answer`,
      async () => {
        if (!program.isRunning()) throw new Error(`${options.name} ended:\n${program.output()}`);
        return (await run(["docker", "--host", address, "version"])).code === 0;
      },
      30_000,
    );
  const restart = () => {
    program = startProgram(options);
    return answers();
  };
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
    restart: async () => void (await restart()),
    reboot: async () => {
      await unmountUnder([runDir, dir]);
      rmSync(runDir, { recursive: true, force: true });
      mkdirSync(runDir, { recursive: true });
      await restart();
    },
    docker,
    [Symbol.asyncDispose]: dispose,
  };
};

export const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** overlay2 wherever the kernel and the file system have it; vfs copies every layer, but works everywhere. */
const STORAGE_DRIVERS = ["overlay2", "vfs"];

/** A Docker engine. */
export const startEngine = async (options: EngineOptions): Promise<Engine> => {
  const failures: string[] = [];
  for (const driver of STORAGE_DRIVERS) {
    try {
      return await startDockerd(options, driver);
    } catch (err) {
      failures.push(String(err));
    }
  }
  throw new Error(`No storage driver works for dockerd:\n${failures.join("\n")}`);
};

const startDockerd = (options: EngineOptions, driver: string): Promise<Engine> => {
  const { host, dir, insecureRegistry, flags = [] } = options;
  return startLife(options, ({ runDir, address }) => ({
    name: `dockerd (${driver}) on ${host.name}`,
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
    env: { PATH },
  }));
};
