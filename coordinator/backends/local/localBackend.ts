import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { arch, availableParallelism, totalmem } from "node:os";
import { join } from "node:path";
import { delay } from "../../../shared/async/delay.ts";
import { AppError, messageOf } from "../../../shared/errors.ts";
import type { Backend, MakeRequest } from "../../domain/fleets/backend.ts";
import { REMOTE_BACKEND } from "../../domain/instances/instanceType.ts";
import type { MadeOffer } from "../../store/madeInstance.ts";
import { isRunning, listProcessesOf, ProcessRecord, recordOf, sendSignal } from "./localProcess.ts";

export interface LocalBackendOptions {
  /** A folder of each instance is in it: identity and journal of its agent, and what the agent says. */
  dir: string;
  /** How many there may be at a time. */
  most: number;
  /** The agent's program and its first arguments. */
  agent: readonly string[];
  env: Readonly<Record<string, string | undefined>>;
}

const NAME = "local";

/** From the request to end to the kill. */
const END_GRACE_MS = 10_000;
const LOOK_MS = 50;

/** What the agent may see of this server's environment, which holds secrets. */
const PASSED_ON = ["PATH", "HOME", "LANG", "TMPDIR", "http_proxy", "https_proxy", "no_proxy"];

/**
 * Instances that are agents on the coordinator's own machine, a process each: for trying fleets out, and for testing
 * that policies do what they say. They outlive the coordinator. Each counts the whole machine as its own.
 */
export const createLocalBackend = (options: LocalBackendOptions): Backend => ({
  name: NAME,
  listOffers: async () => {
    const disk = await statfs(makeFolder(options.dir));
    const present = readdirSync(options.dir).length;
    return present < options.most ? [offerOf(Math.floor((disk.bavail * disk.bsize) / 1024 ** 2))] : [];
  },
  make: async (request) => {
    const present = readdirSync(makeFolder(options.dir));
    const known = findRecord(options.dir, request.id);
    if (known && isRunning(known)) return JSON.stringify(known);
    const folder = join(options.dir, request.id);
    // What an earlier try has left, before a crash.
    if (present.includes(request.id)) await end(folder);
    else if (present.length >= options.most)
      throw new AppError("unavailable", `There are ${present.length} local instances, and may be no more`);
    // At once: what is there counts for those that ask beside this one.
    makeFolder(folder);
    return JSON.stringify(await begin(folder, options, request));
  },
  isThere: async (id) => {
    const record = findRecord(options.dir, id);
    return record !== undefined && isRunning(record);
  },
  end: (id) => end(join(options.dir, id)),
});

const offerOf = (diskMib: number): MadeOffer => ({
  driver: NAME,
  // Clients know no other word for hosts that are no cloud's.
  backend: REMOTE_BACKEND,
  region: NAME,
  availability_zone: null,
  runtime: "process",
  price: 0,
  instance_type: {
    name: "process",
    resources: {
      cpus: availableParallelism(),
      memory_mib: Math.floor(totalmem() / 1024 ** 2),
      gpus: [],
      spot: false,
      disk: { size_mib: diskMib },
      cpu_arch: arch() === "arm64" ? "arm" : "x86",
      description: "",
    },
  },
});

const makeFolder = (path: string): string => {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  return path;
};

const RECORD = "agent.json";

const findRecord = (dir: string, id: string): ProcessRecord | undefined => {
  try {
    return ProcessRecord.parse(JSON.parse(readFileSync(join(dir, id, RECORD), "utf8")));
  } catch (err) {
    // Half a record is left by a crash before the agent could do anything.
    if ((err as NodeJS.ErrnoException).code === "ENOENT" || err instanceof SyntaxError) return undefined;
    throw err;
  }
};

/** The agent joins by itself, and says what it has to say into a file. */
const begin = async (
  folder: string,
  { agent, env }: LocalBackendOptions,
  { name, url, token }: MakeRequest,
): Promise<ProcessRecord> => {
  const log = openSync(join(folder, "agent.log"), "a", 0o600);
  const [program = "", ...first] = agent;
  const args = [
    "run",
    "--state-dir",
    join(folder, "s"),
    "--url",
    url,
    "--runtime",
    "process",
    "--name",
    name,
  ];
  try {
    const child = Bun.spawn([program, ...first, ...args], {
      cwd: folder,
      env: { ...pick(env), DSTACK_JOIN_TOKEN: token },
      stdio: ["ignore", log, log],
      // Whoever interrupts the coordinator on its terminal does not mean its instances.
      detached: true,
    });
    child.unref();
    const record = recordOf(child.pid);
    writeFileSync(join(folder, RECORD), JSON.stringify(record), { mode: 0o600 });
    return record;
  } catch (cause) {
    await end(folder);
    throw new AppError("unavailable", `Cannot start ${program}: ${messageOf(cause)}`, {
      cause,
      hint: "Say where dstack-agent is with DSTACK_SERVER_LOCAL_AGENT",
    });
  } finally {
    closeSync(log);
  }
};

const pick = (env: LocalBackendOptions["env"]): Record<string, string> =>
  Object.fromEntries(
    PASSED_ON.flatMap((name) => {
      const value = env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );

/** First the agent, then what it would start again: what supervises its jobs, which end with it. */
const end = async (folder: string): Promise<void> => {
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    const deadline = Date.now() + END_GRACE_MS;
    for (;;) {
      const left = listProcessesOf(folder);
      if (left.length === 0) {
        rmSync(folder, { recursive: true, force: true });
        return;
      }
      if (Date.now() > deadline) break;
      for (const record of left) sendSignal(record, signal);
      await delay(LOOK_MS);
    }
  }
  throw new AppError("unavailable", `Processes of the local instance in ${folder} do not end`);
};
