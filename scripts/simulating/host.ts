import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { findOverdue } from "../../agent/fence/overdueJobs.ts";
import { type HostTime, openHostClock } from "../../agent/hostClock.ts";
import { Jobs } from "../../agent/jobs/jobs.ts";
import { Journal } from "../../agent/jobs/journal.ts";
import { joinFleet } from "../../agent/link/enroll.ts";
import { type HostKey, makeHostKey } from "../../agent/link/identity.ts";
import { uploadLog } from "../../agent/link/logs.ts";
import { Reporter } from "../../agent/link/report.ts";
import { runSync } from "../../agent/link/sync.ts";
import type { InstanceRow } from "../../coordinator/store/instances.ts";
import { AppError, messageOf } from "../../shared/errors.ts";
import { silentLogger } from "../../shared/log.ts";
import type { Ledger } from "./ledger.ts";
import { HostCommands } from "./runtime.ts";
import { type Life, never, type World } from "./world.ts";

export interface HostOptions {
  world: World;
  ledger: Ledger;
  row: InstanceRow;
  dir: string;
  onBug: (what: string) => void;
  /** What lets the host in as its instance, where it is none yet. */
  joinToken?: string;
  /** Nobody ends what the dead agent should have. */
  isUnfenced?: boolean;
}

/** A real fence looks every second; its margin is far more than that. */
const FENCE_LOOK_MS = 5_000;
const JOIN_AGAIN_MS = 5_000;
const REFUSED_MS = 120_000;

/** What happens to a machine, whatever runs on it. */
const NOBODY: Life = { name: "nobody", alive: true, machine: { skewMs: 0 } };

/** A host with its disk, its commands, and the agent's own code as a process that can be killed. */
export class SimHost {
  readonly row: InstanceRow;
  readonly machine = { skewMs: 0 };
  /** It and the coordinator cannot reach each other. */
  isCut = false;
  /** What closes the connections that its agent has open. */
  readonly hangUps = new Set<() => void>();
  /** Its machine is there no more. */
  isRemoved = false;
  /** Somebody is taking it out of its fleet. */
  isLeaving = false;
  /** Its agent is dead, and nobody starts it again for a while. */
  isAbandoned = false;
  readonly #options: HostOptions;
  readonly #commands: HostCommands;
  #life: Life;
  #bootId = crypto.randomUUID();
  #bootedAt: number;
  #stop = new AbortController();
  #isFull = false;
  #isJoined: boolean;
  #isOn = true;
  #isFenced = false;
  #key: HostKey | undefined;
  #journal: Journal | undefined;
  #jobs: Jobs | undefined;

  constructor(options: HostOptions) {
    this.#options = options;
    this.row = options.row;
    this.#bootedAt = options.world.now;
    this.#life = { name: this.row.name, alive: false, machine: this.machine };
    this.#isJoined = options.joinToken === undefined;
    this.#commands = new HostCommands({
      ...options,
      host: this.row.name,
      isInDoubt: () => this.hasUnconfirmed,
    });
    mkdirSync(options.dir, { recursive: true });
  }

  /** A backend made it, for one instance. */
  get isMade(): boolean {
    return this.#options.joinToken !== undefined;
  }

  get isUp(): boolean {
    return this.#life.alive;
  }

  /** The agent's whole held set; undefined while there is no agent. */
  get held(): string[] | undefined {
    return this.#life.alive ? this.#jobs?.held().map((one) => one.submission_id) : undefined;
  }

  /** Its agent, if there is one, has jobs of which it does not know whether they are its. */
  get hasUnconfirmed(): boolean {
    return this.#life.alive && this.#jobs?.hasUnconfirmed() === true;
  }

  /** Everything of a job that is on the host, for people. */
  get remains(): string[] {
    const jobs = join(this.#options.dir, "jobs");
    const folders = existsSync(jobs) ? readdirSync(jobs) : [];
    const entries = this.#journal?.list().map((entry) => entry.assignment.submission_id) ?? [];
    return [
      ...folders.map((id) => `folder ${id}`),
      ...entries.map((id) => `journal ${id}`),
      ...(this.#commands.count > 0 ? [`${this.#commands.count} commands`] : []),
    ];
  }

  start(): void {
    if (this.#life.alive || this.isRemoved) return;
    this.#isOn = true;
    this.isAbandoned = false;
    const { world, onBug } = this.#options;
    const life: Life = { name: this.row.name, alive: true, machine: this.machine };
    this.#life = life;
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    world.note(`${this.row.name} agent starts`);
    world.within(life, () => {
      this.#run(life, signal).catch((err: unknown) => {
        life.alive = false;
        if (err instanceof AppError && err.code === "fenced") return world.note(`${life.name} is fenced`);
        onBug(`The agent of ${life.name} ended: ${err instanceof Error ? err.stack : messageOf(err)}`);
      });
    });
  }

  /** It and the coordinator cannot reach each other for a while. */
  cut(ms: number): void {
    if (this.isCut) return;
    const { world } = this.#options;
    world.note(`${this.row.name} is cut off`);
    this.isCut = true;
    world.after(ms, () => this.mend(), NOBODY);
  }

  mend(): void {
    if (!this.isCut) return;
    this.#options.world.note(`${this.row.name} is connected`);
    this.isCut = false;
  }

  /** Nothing can be written to its journal for a while. */
  fillDisk(ms: number): void {
    this.#options.world.note(`${this.row.name} has a full disk`);
    this.#isFull = true;
    this.#options.world.after(ms, () => this.emptyDisk(), NOBODY);
  }

  emptyDisk(): void {
    this.#isFull = false;
  }

  #spoil(journal: Journal): void {
    for (const name of ["add", "confirm", "setStopping", "note", "removeReport", "remove"] as const) {
      const write = journal[name].bind(journal) as (...args: unknown[]) => unknown;
      Object.assign(journal, {
        [name]: (...args: unknown[]) => {
          if (this.#isFull) throw new Error("database or disk is full");
          return write(...args);
        },
      });
    }
  }

  /** As `kill -9`. */
  kill(): void {
    if (!this.#life.alive) return;
    this.#options.world.note(`${this.row.name} agent is killed`);
    this.#life.alive = false;
    this.#journal?.[Symbol.dispose]();
    this.#journal = undefined;
    for (const hangUp of this.hangUps) hangUp();
    this.hangUps.clear();
    if (!this.#options.isUnfenced && !this.#isFenced) this.#fence();
  }

  /** What looks after jobs with a limit of silence while there is no agent (docs/adr/0014-fence.md). */
  #fence(): void {
    const { world, dir } = this.#options;
    this.#isFenced = !this.#life.alive && this.#isOn && this.#commands.count > 0;
    if (!this.#isFenced) return;
    const { steady } = openHostClock(join(dir, "clock"), this.#time, silentLogger);
    for (const id of findOverdue(dir, steady()).ids) this.#commands.kill(id);
    world.after(FENCE_LOOK_MS, () => this.#fence(), NOBODY);
  }

  get #time(): HostTime {
    const { world } = this.#options;
    return {
      bootId: this.#bootId,
      uptimeMs: () => world.now - this.#bootedAt,
      wallMs: () => world.now + this.machine.skewMs,
      after: (ms, fire) => world.after(ms, fire, this.#life),
    };
  }

  /** As an upgrade does it. */
  stop(): void {
    this.#stop.abort();
  }

  /** For good. */
  takeAway(): void {
    this.switchOff();
    this.isRemoved = true;
  }

  switchOff(): void {
    this.#options.world.note(`${this.row.name} is switched off`);
    // Nobody is told that its connections are gone.
    this.hangUps.clear();
    this.kill();
    this.#isOn = false;
    this.#commands.switchOff();
    this.#bootId = crypto.randomUUID();
    this.#bootedAt = this.#options.world.now;
  }

  /** The host becomes its instance, as `dstack-agent run` with a join token. */
  async #join(signal: AbortSignal): Promise<void> {
    const { world, joinToken = "" } = this.#options;
    const { inventory, name } = this.row;
    this.#key ??= makeHostKey();
    while (!this.#isJoined)
      try {
        const options = { url: `http://${name}`, bootId: this.#bootId, inventory, signal, now: Date.now };
        await joinFleet(options, this.#key, joinToken);
        this.#isJoined = true;
      } catch (err) {
        // Whatever it was, until the machine is taken away it may be let in yet.
        world.note(`${name} is not let in: ${messageOf(err)}`);
        await world.pause(err instanceof AppError && err.code === "unavailable" ? JOIN_AGAIN_MS : REFUSED_MS);
      }
  }

  /** Puts the parts together as agent/agent.ts does. */
  async #run(life: Life, signal: AbortSignal): Promise<void> {
    const { world, dir } = this.#options;
    if (!this.#isJoined) await this.#join(signal);
    if (!life.alive) return never();
    const log = silentLogger;
    const journal = Journal.open(join(dir, "journal.db"), log);
    this.#journal = journal;
    this.#spoil(journal);
    const clock = openHostClock(join(dir, "clock"), this.#time, log);
    const session = crypto.randomUUID();
    const link = { url: `http://${this.row.name}`, token: () => "token" };
    const runtime = this.#commands.runtimeFor(life);
    const reporter = new Reporter({
      link,
      journal,
      session,
      log,
      onAnswer: (report, result) => jobs.reported(report, result),
    });
    const jobs: Jobs = new Jobs({
      runtimes: () => runtime,
      journal,
      clock,
      isSameBoot: clock.isSameBoot,
      log,
      jobsDir: join(dir, "jobs"),
      report: (report) => reporter.push(report),
      fetchBlob: () => Promise.reject(new Error("No job of a simulation has files")),
      flushAgentLog: async () => {},
      prepareRepo: () => Promise.reject(new Error("No job of a simulation has a repository")),
      uploadLog: (source) => uploadLog({ link, log, onFenced: (id) => jobs.forget(id) }, source),
    });
    this.#jobs = jobs;
    await jobs.adopt();
    const ended = new AbortController();
    const stopped = AbortSignal.any([signal, ended.signal]);
    const reporting = reporter.run(stopped);
    const end = await runSync(
      {
        link,
        session,
        start: journal.start,
        bootId: this.#bootId,
        log,
        held: () => jobs.held(),
        inventory: () => this.row.inventory,
        isUrgent: () => jobs.hasUnconfirmed(),
        clock,
        onAnswer: (desired, { held, sentAt, answeredAt }) => {
          jobs.answered(sentAt);
          jobs.confirm(held.map((one) => one.submission_id));
          jobs.apply(desired, { named: held, receivedAt: answeredAt });
          reporter.retry();
          jobs.linkIsUp();
        },
        wantsCredential: () => false,
        onCredential: () => {},
        enrollAgain: () => Promise.reject(new AppError("unauthenticated", "This host is not known here")),
      },
      stopped,
    );
    ended.abort();
    await jobs.detach();
    await reporting;
    life.alive = false;
    journal[Symbol.dispose]();
    this.#journal = undefined;
    if (end === "fenced") throw new AppError("fenced", "Another process has taken over");
    world.note(`${life.name} agent has stopped`);
  }

  [Symbol.dispose](): void {
    this.kill();
  }
}
