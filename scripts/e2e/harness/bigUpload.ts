import { closeSync, mkdirSync, openSync, readdirSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "../../../shared/testing/waitFor.ts";
import { ownMemory } from "../../benching/probe.ts";
import type { Agent } from "./agent.ts";
import type { Coordinator } from "./coordinator.ts";
import type { Program } from "./program.ts";
import { SMALL } from "./system.ts";

const PIECE = 1024 ** 2;
const LOOK_MS = 300_000;

/** A folder of random bytes, and the SHA-256 of all of them in order. */
export const makeBigFolder = (folder: string, bytes: number): { sha256: string } => {
  mkdirSync(folder, { recursive: true });
  const hash = new Bun.CryptoHasher("sha256");
  const piece = new Uint8Array(PIECE);
  for (let at = 0, file = 0; at < bytes; file++) {
    const fd = openSync(join(folder, `part-${String(file).padStart(3, "0")}`), "wx");
    for (const end = Math.min(bytes, at + Math.ceil(bytes / 4)); at < end; at += PIECE) {
      // Enough of it is new that no two pieces are the same.
      crypto.getRandomValues(piece.subarray(0, 65_536));
      const some = piece.subarray(0, Math.min(PIECE, end - at));
      writeSync(fd, some);
      hash.update(some);
    }
    closeSync(fd);
  }
  return { sha256: hash.digest("hex") };
};

/** The one unfinished upload that the coordinator has; undefined: none. */
export const unfinishedUpload = ({ home }: Coordinator): { path: string; held: number } | undefined => {
  const folder = join(home, ".dstack/server/data/uploads");
  for (const user of namesIn(folder))
    for (const name of namesIn(join(folder, user))) {
      const path = join(folder, user, name);
      const held = statSync(path, { throwIfNoEntry: false })?.size;
      if (held !== undefined) return { path, held };
    }
  return undefined;
};

/** How much of a download that is under way is on the host; undefined: there is none. */
const unfinishedDownload = ({ stateDir }: Agent): number | undefined => {
  const name = namesIn(join(stateDir, "blobs")).find((one) => one.endsWith(".part"));
  return name === undefined
    ? undefined
    : statSync(join(stateDir, "blobs", name), { throwIfNoEntry: false })?.size;
};

const namesIn = (folder: string): string[] => {
  try {
    return readdirSync(folder);
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw err;
  }
};

/** One process over the time of an upload: its own memory in MiB, by when it was looked at. */
export interface MemoryTrail {
  readonly name: string;
  readonly samples: { atMs: number; mib: number }[];
}

export interface UploadTimes {
  /** Of the whole that was held when the client was killed, and the least that was while the next one ran. */
  readonly heldAtKill: number;
  readonly heldAtLeast: number;
  /** Of the client that came to the end: from its start to its end. */
  readonly applyMs: number;
  /** From the client's end until the job had printed its sum. */
  readonly hostMs: number;
  readonly output: string;
  readonly trails: readonly MemoryTrail[];
}

interface Stage {
  readonly coordinator: Coordinator;
  readonly agent: Agent;
  /** Where logs of the clients go. */
  readonly dir: string;
  readonly name: string;
  /** Holds the folder `data`, and gets the configuration. */
  readonly cwd: string;
  readonly bytes: number;
}

/**
 * Sends a folder to a job: the client is killed half-way and started again, the coordinator is killed at some three quarters,
 * the agent in the middle of its download, each without a warning.
 */
export const playUpload = async (stage: Stage): Promise<UploadTimes> => {
  const { coordinator, agent, name, cwd, bytes } = stage;
  const trails = new Map<string, MemoryTrail>();
  const begun = performance.now();
  const look = (who: string, program: Program) => {
    const trail = trails.get(who) ?? { name: who, samples: [] };
    trails.set(who, trail);
    const mib = ownMemory(program.pid);
    if (mib !== undefined) trail.samples.push({ atMs: performance.now() - begun, mib });
  };
  const lookAtAll = (apply: Program) => {
    look("CLI", apply);
    look("coordinator", coordinator.program);
    look("agent", agent.program);
  };
  const resources = { ...SMALL, disk: `${Math.ceil((3 * bytes) / 1e6)}MB..` };
  const commands = ["cat data/* | sha256sum"];
  const files = ["data:data"];
  await Bun.write(
    join(cwd, `${name}.dstack.yml`),
    JSON.stringify({ type: "task", name, commands, files, resources, max_duration: "10m" }),
  );
  const apply = () =>
    coordinator.client.startDstack(["apply", "-y", "-d", "-f", join(cwd, `${name}.dstack.yml`)], {
      logFile: join(stage.dir, `${name}.log`),
    });
  const first = apply();
  await waitFor(
    "half of it",
    () => {
      lookAtAll(first);
      if (!first.isRunning()) throw new Error(`The client ended too early:\n${first.output()}`);
      return (unfinishedUpload(coordinator)?.held ?? 0) >= bytes / 2;
    },
    LOOK_MS,
  );
  await first.kill9();
  const heldAtKill = unfinishedUpload(coordinator)?.held ?? 0;
  const secondAt = performance.now();
  await using second = apply();
  let heldAtLeast = heldAtKill;
  await waitFor(
    "the upload to go on",
    () => {
      lookAtAll(second);
      const held = unfinishedUpload(coordinator)?.held;
      if (held === undefined) return !second.isRunning();
      heldAtLeast = Math.min(heldAtLeast, held);
      return held > heldAtKill && held > (heldAtKill + bytes) / 2;
    },
    LOOK_MS,
  );
  // It may have been faster than anybody can look.
  if (second.isRunning()) {
    await coordinator.program.kill9();
    await coordinator.restart();
  }
  await waitFor(
    "the client to end",
    () => {
      lookAtAll(second);
      return !second.isRunning();
    },
    LOOK_MS,
  );
  const code = await second.exited;
  if (code !== 0) throw new Error(`dstack apply ended with ${code}:\n${second.output()}`);
  const appliedAt = performance.now();
  await waitFor(
    "the download",
    async () => {
      lookAtAll(second);
      const held = unfinishedDownload(agent);
      return (
        (held !== undefined && held >= bytes / 4) || (await coordinator.client.getRun(name)).status === "done"
      );
    },
    LOOK_MS,
  );
  await agent.program.kill9();
  agent.restart();
  await coordinator.client.waitForRun(
    name,
    ({ status }) => {
      lookAtAll(second);
      return status === "done";
    },
    LOOK_MS,
  );
  return {
    heldAtKill,
    heldAtLeast,
    applyMs: appliedAt - secondAt,
    hostMs: performance.now() - appliedAt,
    output: await coordinator.client.dstackOk(["logs", name]),
    trails: [...trails.values()],
  };
};
