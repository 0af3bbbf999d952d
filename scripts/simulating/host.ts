import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { openHostClock } from "../../agent/hostClock.ts";
import { Jobs } from "../../agent/jobs/jobs.ts";
import { Journal } from "../../agent/jobs/journal.ts";
import { uploadLog } from "../../agent/link/logs.ts";
import { Reporter } from "../../agent/link/report.ts";
import { runSync } from "../../agent/link/sync.ts";
import type { InstanceRow } from "../../coordinator/store/instances.ts";
import { AppError, messageOf } from "../../shared/errors.ts";
import { silentLogger } from "../../shared/log.ts";
import type { Ledger } from "./ledger.ts";
import { HostCommands } from "./runtime.ts";
import type { Life, World } from "./world.ts";

export interface HostOptions {
  world: World;
  ledger: Ledger;
  row: InstanceRow;
  dir: string;
  onBug: (what: string) => void;
}

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
  /** Taken out of its fleet: the coordinator knows it no more. */
  isRemoved = false;
  readonly #options: HostOptions;
  readonly #commands: HostCommands;
  #life: Life;
  #bootId = crypto.randomUUID();
  #bootedAt: number;
  #stop = new AbortController();
  #isFull = false;
  #journal: Journal | undefined;
  #jobs: Jobs | undefined;

  constructor(options: HostOptions) {
    this.#options = options;
    this.row = options.row;
    this.#bootedAt = options.world.now;
    this.#life = { name: this.row.name, alive: false, machine: this.machine };
    this.#commands = new HostCommands({ ...options, host: this.row.name });
    mkdirSync(options.dir, { recursive: true });
  }

  get isUp(): boolean {
    return this.#life.alive;
  }

  /** The agent's whole held set; undefined while there is no agent. */
  get held(): string[] | undefined {
    return this.#life.alive ? this.#jobs?.held().map((one) => one.submission_id) : undefined;
  }

  /** Everything of a job that is on the host, for people. */
  get remains(): string[] {
    const folders = readdirSync(join(this.#options.dir, "jobs"));
    const entries = this.#journal?.list().map((entry) => entry.assignment.submission_id) ?? [];
    return [
      ...folders.map((id) => `folder ${id}`),
      ...entries.map((id) => `journal ${id}`),
      ...(this.#commands.count > 0 ? [`${this.#commands.count} commands`] : []),
    ];
  }

  start(): void {
    if (this.#life.alive) return;
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
  }

  /** As an upgrade does it. */
  stop(): void {
    this.#stop.abort();
  }

  switchOff(): void {
    this.#options.world.note(`${this.row.name} is switched off`);
    // Nobody is told that its connections are gone.
    this.hangUps.clear();
    this.kill();
    this.#commands.switchOff();
    this.#bootId = crypto.randomUUID();
    this.#bootedAt = this.#options.world.now;
  }

  /** Puts the parts together as agent/agent.ts does. */
  async #run(life: Life, signal: AbortSignal): Promise<void> {
    const { world, dir } = this.#options;
    const log = silentLogger;
    const journal = Journal.open(join(dir, "journal.db"), log);
    this.#journal = journal;
    this.#spoil(journal);
    const clock = openHostClock(
      join(dir, "clock"),
      {
        bootId: this.#bootId,
        uptimeMs: () => world.now - this.#bootedAt,
        wallMs: () => world.now + this.machine.skewMs,
        after: (ms, fire) => world.after(ms, fire, life),
      },
      log,
    );
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
