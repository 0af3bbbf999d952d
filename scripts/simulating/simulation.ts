import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type InstanceRow, insertInstance } from "../../coordinator/store/instances.ts";
import { findToldWrong } from "../../coordinator/testing/findToldWrong.ts";
import { hostRow, TestEngine } from "../../coordinator/testing/testEngine.ts";
import { systemClock } from "../../shared/clock.ts";
import { isFinalRun } from "../../shared/states.ts";
import type { Break } from "./breaks.ts";
import { clientOf, DATABASE, SimCoordinator } from "./coordinator.ts";
import { drawFaults, type Fault, isFew, noFaults } from "./faults.ts";
import { layOver } from "./globals.ts";
import { SimHost } from "./host.ts";
import { checkAlways, checkEnd, type Facts, readFacts, type Scene } from "./invariants.ts";
import { Ledger } from "./ledger.ts";
import { createFetch } from "./network.ts";
import type { Random } from "./random.ts";
import { Users } from "./users.ts";
import { type Life, World } from "./world.ts";

export interface SimulationOptions {
  seed: number;
  /** How many steps the faults last, on the average; then everything gets the time to reach its end. */
  steps: number;
  /** Empty, for this simulation alone. */
  dir: string;
  /** A database that was made by `makeTemplate`. */
  template: string;
  faults: ReadonlySet<Fault>;
  broken?: Break | undefined;
  mostHosts?: number;
  mostRuns?: number;
}

export interface Outcome {
  seed: number;
  steps: number;
  runs: number;
  executions: number;
  /** The first thing that should not have happened. */
  bug: string | undefined;
  trace: readonly string[];
}

/** How long things get to calm down when the faults are over, and how much of everything. */
const LONGEST_CALM_MS = 2 * 3_600_000;
const MOST_CALM_STEPS = 10_000;
const STOP_AFTER_MS = 60_000;
const LOOK_MS = 60_000;
const LONG_FAULTS_MS = 600_000;

/** An agent is started again by its host, sooner than the margin of its jobs' limits of silence; a host may stay off. */
const MAX_RESTART_MS = 5_000;
const MAX_OFF_MS = 120_000;

/** How far a clock is put forward or back: a little, as by NTP, or far, as by a machine that was started without one. */
const SMALL_SKEW_MS = 3_000;
const LARGE_SKEW_MS = 5 * 3_600_000;

const USERS: Life = { name: "users", alive: true, machine: { skewMs: 0 } };

/** Some hosts are shared in parts, some have devices. */
const drawHost = (random: Random, num: number, now: number): InstanceRow => {
  const row = hostRow(num);
  const gpus = Array.from({ length: random.chance(0.5) ? 4 : 0 }, (_, index) => ({
    vendor: "nvidia" as const,
    raw_name: "NVIDIA L4",
    id: `GPU-${num}-${index}`,
    index,
    memory_mib: 23_034,
  }));
  const blocks = 2 ** random.below(3);
  return { ...row, id: random.uuid(), created_at: now, blocks, inventory: { ...row.inventory, gpus } };
};

/** A database with a project and a fleet, to be copied: making one takes longer than a short simulation. */
export const makeTemplate = async (dir: string): Promise<string> => {
  await using engine = await TestEngine.open(dir, systemClock);
  await clientOf(engine.db).execute("PRAGMA wal_checkpoint(TRUNCATE)");
  return join(dir, DATABASE);
};

/** Runs one seed to its end, or to the first bug. The same options give the same outcome, step by step. */
export const simulate = async (options: SimulationOptions): Promise<Outcome> => {
  const world = new World(options.seed);
  const { random } = world;
  let bug: string | undefined;
  const onBug = (what: string) => {
    if (bug === undefined) world.note(`BUG ${what}`);
    bug ??= what;
  };
  const faults = drawFaults(world.random, options.faults);
  // Most seeds are short, for what goes wrong mostly does so soon; some are long enough for much to come together.
  const faultySteps = options.steps * world.random.skewed(0.5, 3);
  // Some last until everything that somebody waits for by their own clock has had its time.
  const longShare = isFew(options.faults) ? 0.5 : 0.08;
  const faultyUntil = world.now + (world.random.chance(longShare) ? LONG_FAULTS_MS * world.random.next() : 0);
  mkdirSync(options.dir, { recursive: true });
  const hosts = new Map<string, SimHost>();
  const ledger = new Ledger(onBug);
  const { template, broken } = options;
  using coordinator = new SimCoordinator({ world, faults, dir: options.dir, template, broken, onBug });
  const onGift = (host: SimHost) => {
    host.cut(random.skewed(30_000, 400_000));
    if (random.chance(0.2)) coordinator.crash();
    if (random.chance(0.2)) jump(coordinator.machine);
    if (random.chance(0.2)) jump(host.machine);
    if (!random.chance(0.2)) return;
    if (random.chance(0.5)) host.kill();
    else host.switchOff();
    restart(host, MAX_RESTART_MS);
  };
  using _ = layOver(world, createFetch({ world, faults, coordinator, hosts, onGift }));
  using undo = new DisposableStack();
  const users = new Users(world, coordinator, onBug);
  const scene: Scene = { coordinator, hosts, ledger, users, onBug };

  let hostCount = 0;
  const addHost = async () => {
    const row = drawHost(random, hostCount++, world.now);
    const host = new SimHost({ world, ledger, row, dir: join(options.dir, row.name), onBug });
    undo.use(host);
    await coordinator.call(async ({ db, engine }) => {
      await insertInstance(db, row);
      engine.addInstance(row, "lab");
    });
    hosts.set(row.name, host);
    host.start();
  };

  let before: Facts | undefined;
  const look = async () => {
    if (!coordinator.hasChanged) return;
    coordinator.hasChanged = false;
    const facts = await readFacts(coordinator);
    checkAlways(scene, facts, before);
    before = facts;
  };
  const step = async (until?: number) => {
    const went = await world.step(until);
    if (bug === undefined) await look();
    return went;
  };

  const disturb = () => {
    const rate = 8;
    if (users.runs.size < (options.mostRuns ?? 30) && random.chance(0.25)) users.submit();
    const some = random.pick([...users.runs.values()]);
    if (some && random.chance(0.12)) users.stop(some, random.chance(0.4));
    if (hosts.size < (options.mostHosts ?? 6) && random.chance(0.05)) addHost().catch(() => {});
    if (random.chance(faults.crash * rate)) coordinator.crash();
    if (random.chance(faults.fullDisk * rate)) coordinator.fillDisk(random.skewed(100, 120_000));
    if (random.chance(faults.clockJump * rate)) jump(coordinator.machine);
    for (const host of hosts.values()) {
      if (random.chance(faults.agentCrash * rate)) {
        host.kill();
        restart(host, MAX_RESTART_MS);
      }
      if (random.chance(faults.agentCrash)) {
        host.stop();
        restart(host, MAX_RESTART_MS);
      }
      if (random.chance(faults.reboot * rate)) {
        host.switchOff();
        restart(host, MAX_OFF_MS);
      }
      if (random.chance(faults.clockJump * rate)) jump(host.machine);
      if (!host.isUp) restart(host, MAX_RESTART_MS);
      if (random.chance(faults.fullHostDisk * rate)) host.fillDisk(random.skewed(100, 60_000));
      if (random.chance(faults.partition * rate))
        host.cut(random.chance(0.5) ? random.skewed(100, 400_000) : 400_000 * random.next());
    }
  };
  const restart = (host: SimHost, mostMs: number) =>
    void world.after(random.skewed(100, mostMs), () => host.start(), USERS);
  const jump = (machine: { skewMs: number }) => {
    const most = random.chance(0.5) ? SMALL_SKEW_MS : LARGE_SKEW_MS;
    machine.skewMs = (random.next() * 2 - 1) * most;
    world.note(`a clock is ${Math.round(machine.skewMs)} ms off`);
  };
  const keepUp = () => {
    if (!coordinator.life.alive) world.after(random.skewed(100, 30_000), () => revive(), USERS);
  };
  const revive = () => {
    if (!coordinator.life.alive) coordinator.start();
  };

  coordinator.start();
  while (!coordinator.isUp && (await step())) {
    keepUp();
  }
  for (let left = 1 + random.below(options.mostHosts ?? 4); left > 0; left--) await addHost().catch(() => {});

  let isChaos = true;
  const tick = () => {
    if (!isChaos) return;
    disturb();
    keepUp();
    world.after(random.skewed(50, 20_000), tick, USERS);
  };
  world.after(0, tick, USERS);
  while (bug === undefined && (world.steps < faultySteps || world.now < faultyUntil) && (await step()));

  isChaos = false;
  Object.assign(faults, noFaults());
  world.note("the faults are over");
  const calmAt = world.now;
  const calm = () => {
    revive();
    coordinator.emptyDisk();
    for (const host of hosts.values()) {
      host.mend();
      host.emptyDisk();
      host.start();
    }
  };
  calm();
  const isOver = () =>
    coordinator.isUp &&
    before !== undefined &&
    [...users.runs.values()].every((run) => run.isAccepted) &&
    [...before.runs.values()].every(({ status }) => isFinalRun(status)) &&
    before.submissions.every((one) => one.isLogComplete) &&
    [...hosts.values()].every((host) => host.isRemoved || (host.isUp && host.remains.length === 0)) &&
    coordinator.parts.capacity.listAll().every(({ instance }) => !instance.unreachable);
  let isWatched = true;
  const watch = () => {
    calm();
    for (const { job } of ledger.live().filter((one) => one.isEndless || world.now - calmAt > STOP_AFTER_MS))
      stopRun(job);
    if (world.now - calmAt > 2 * STOP_AFTER_MS)
      for (const run of users.runs.values()) if (run.configuration["retry"]) users.stop(run, false);
    if (isWatched) world.after(LOOK_MS, watch, USERS);
  };
  const stopRun = (job: string) => {
    const name = before?.runs.get(job.split("/")[0] ?? "")?.name;
    const run = users.runs.get(name ?? "");
    if (run) users.stop(run, false);
  };
  world.after(LOOK_MS, watch, USERS);
  const lastStep = world.steps + MOST_CALM_STEPS;
  while (bug === undefined && !isOver() && world.steps < lastStep)
    if (!(await step(calmAt + LONGEST_CALM_MS))) break;
  isWatched = false;
  if (bug === undefined && before) checkEnd(scene, before);
  // In the midst of things, as a bug leaves them, there may be no store to ask.
  const [toldWrong] = bug === undefined ? await findToldWrong((sql) => coordinator.look(sql)) : [];
  if (toldWrong !== undefined) onBug(`Events tell something else than what is: ${toldWrong}`);
  // What an agent was about to do must not go on with the real clock and network.
  for (const host of hosts.values()) host.kill();
  await world.settle();
  return {
    seed: options.seed,
    steps: world.steps,
    runs: users.runs.size,
    executions: ledger.count,
    bug,
    trace: world.trace,
  };
};
