import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { findToldWrong } from "../../coordinator/testing/findToldWrong.ts";
import { TestEngine } from "../../coordinator/testing/testEngine.ts";
import { systemClock } from "../../shared/clock.ts";
import { isFinalJob, isFinalRun } from "../../shared/states.ts";
import type { Break } from "./breaks.ts";
import { Chaos } from "./chaos.ts";
import { Cloud } from "./cloud.ts";
import { clientOf, DATABASE, SimCoordinator } from "./coordinator.ts";
import { type Facts, readFacts } from "./facts.ts";
import { drawFaults, type Fault, isFew, noFaults } from "./faults.ts";
import { layOver } from "./globals.ts";
import type { SimHost } from "./host.ts";
import { checkAlways } from "./invariants.ts";
import { Ledger } from "./ledger.ts";
import { Machines } from "./machines.ts";
import { createFetch } from "./network.ts";
import { checkEnd } from "./rightEnd.ts";
import type { Scene } from "./scene.ts";
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

/** Of all simulations, those with a cloud. */
const CLOUD_SHARE = 0.2;

const USERS: Life = { name: "users", alive: true, machine: { skewMs: 0 } };

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
  const ledger = new Ledger(onBug);
  const { template, broken, dir, mostHosts = 6, mostRuns = 30 } = options;
  using machines = new Machines({ world, ledger, dir, isUnfenced: broken === "fence", onBug });
  const cloud = random.chance(CLOUD_SHARE)
    ? new Cloud({
        world,
        faults,
        onBoot: (request) => machines.boot(request),
        onEnd: (id) => machines.end(id),
        isLeaking: broken === "leak",
      })
    : undefined;
  const backends = cloud ? [cloud] : [];
  using coordinator = new SimCoordinator({ world, faults, dir, template, broken, backends, onBug });
  const users = new Users(world, coordinator, onBug);
  const chaos = new Chaos({ world, faults, coordinator, machines, users, mostHosts, mostRuns });
  const hosts = machines.byName;
  const onGift = (host: SimHost) => chaos.atGift(host);
  using _ = layOver(world, createFetch({ world, faults, coordinator, hosts, onGift }));
  const scene: Scene = { coordinator, hosts, clones: machines.clones, cloud, ledger, users, onBug };

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

  coordinator.start();
  while (!coordinator.isUp && (await step())) chaos.keepUp();
  for (let left = 1 + random.below(options.mostHosts ?? 4); left > 0; left--)
    await machines.add(coordinator).catch(() => {});
  if (cloud) users.applyFleet(cloud.fleet);
  chaos.begin();
  while (bug === undefined && (world.steps < faultySteps || world.now < faultyUntil) && (await step()));
  chaos.end();

  Object.assign(faults, noFaults());
  world.note("the faults are over");
  const calmAt = world.now;
  const calm = () => {
    if (!coordinator.life.alive) coordinator.start();
    coordinator.emptyDisk();
    coordinator.hasChanged = true;
    for (const host of machines.all) {
      host.mend();
      host.emptyDisk();
      if (!host.isAbandoned) host.start();
    }
  };
  calm();
  const isOver = () =>
    coordinator.isUp &&
    before !== undefined &&
    users.isAnswered &&
    [...before.runs.values()].every(({ status }) => isFinalRun(status)) &&
    before.submissions.every((one) => one.isLogComplete) &&
    machines.all.every((host) => host.isRemoved || (host.isUp && host.remains.length === 0)) &&
    [...before.instances.values()].every(({ status }) => status === "idle" || status === "terminated") &&
    (cloud?.machines.size ?? 0) === (cloud?.least ?? 0) &&
    machines.clones.every(([one]) => before?.instances.get(one.row.id)?.isCordoned === true) &&
    // What is committed is in memory a moment later.
    coordinator.parts.capacity
      .listAll()
      .every(
        ({ instance: { id, status, unreachable } }) =>
          !unreachable && before?.instances.get(id)?.status === status,
      );
  let isWatched = true;
  const watch = () => {
    calm();
    for (const { job } of ledger.live().filter((one) => one.isEndless || world.now - calmAt > STOP_AFTER_MS))
      stopRun(job);
    if (world.now - calmAt > 2 * STOP_AFTER_MS) {
      for (const run of users.runs.values())
        if (run.plan.retry || run.plan.isScheduled) users.stop(run, false);
      // Where two hosts have run one attempt, nobody can tell how it ended.
      for (const { job, instance, status } of before?.submissions ?? [])
        if (!isFinalJob(status) && ledger.isOfTwins(instance)) stopRun(job);
    }
    if (isWatched) world.after(LOOK_MS, watch, USERS);
  };
  const stopRun = (job: string) => {
    const name = before?.runs.get(job.split("/")[0] ?? "")?.name;
    const run = users.runs.get(name ?? "");
    if (run) users.stop(run, false);
  };
  for (const host of machines.all) if (!host.isMade && !host.isRemoved) users.cordon(host, false);
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
  for (const host of machines.all) host.kill();
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
