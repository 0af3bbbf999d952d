import { copyFileSync } from "node:fs";
import { join } from "node:path";
import type { Client, InStatement } from "@libsql/client";
import type { Backend } from "../../coordinator/domain/fleets/backend.ts";
import { enrollInstance } from "../../coordinator/domain/instances/enroll.ts";
import { agentErrorAnswer } from "../../coordinator/http/agent/errorAnswer.ts";
import type { Db } from "../../coordinator/store/db.ts";
import { eventTeller } from "../../coordinator/store/events.ts";
import { findInstance } from "../../coordinator/store/instances.ts";
import { TestEngine } from "../../coordinator/testing/testEngine.ts";
import { type Clock, systemClock } from "../../shared/clock.ts";
import { AppError, messageOf } from "../../shared/errors.ts";
import { EnrollRequest } from "../../shared/protocol/enroll.ts";
import { ReportRequest } from "../../shared/protocol/report.ts";
import { SyncRequest } from "../../shared/protocol/sync.ts";
import { type Break, breakCoordinator } from "./breaks.ts";
import type { Likelihoods } from "./faults.ts";
import { keepInMemory } from "./memoryLogs.ts";
import { type Life, never, type World } from "./world.ts";

export interface Answer {
  status: number;
  body: unknown;
}

export interface CoordinatorOptions {
  world: World;
  faults: Likelihoods;
  /** Where its database is, which begins as a copy of `template`. */
  dir: string;
  template: string;
  broken: Break | undefined;
  backends: readonly Backend[];
  /** Something went wrong that nothing the simulator did explains. */
  onBug: (what: string) => void;
}

/** The file of a TestEngine. */
export const DATABASE = "test.db";

/** Thrown by a store that fails on purpose. */
class StoreFault extends Error {}

/** Drizzle wraps what its client throws. */
const isStoreFault = (err: unknown): boolean =>
  err instanceof StoreFault || (err instanceof Error && err.cause instanceof StoreFault);

/** The real engine and agent link over the real store, as a process that can be killed at any read or write. */
export class SimCoordinator {
  readonly logs = new Map<string, Uint8Array>();
  /** Reads and writes under way: while there are none, the engine only waits for something to happen. */
  pending = 0;
  /** Has the store been used since somebody last looked? */
  hasChanged = true;
  readonly machine = { skewMs: 0 };
  /** When something last went wrong that it has to recover from. */
  troubledAt = 0;
  readonly #options: CoordinatorOptions;
  #life: Life = { name: "coordinator", alive: false, machine: this.machine };
  #client: Client | undefined;
  #execute: Client["execute"] | undefined;
  #parts: TestEngine | undefined;
  #clock: Clock = systemClock;
  #isReady = false;
  #isFull = false;
  #deaths = new Set<() => void>();

  constructor(options: CoordinatorOptions) {
    this.#options = options;
    copyFileSync(options.template, join(options.dir, DATABASE));
  }

  get isUp(): boolean {
    return this.#life.alive && this.#isReady;
  }

  /** Its clock, by which users and schedules go. */
  get now(): number {
    return this.#options.world.now + this.machine.skewMs;
  }

  /** Nothing has gone wrong with it, and its clock was never changed, for so long. */
  isCalmFor(ms: number): boolean {
    return this.isUp && this.machine.skewMs === 0 && this.#options.world.now - this.troubledAt > ms;
  }

  /** Of the process that runs now, or ran last. */
  get life(): Life {
    return this.#life;
  }

  get parts(): TestEngine {
    if (!this.#parts) throw new Error("The coordinator was never started");
    return this.#parts;
  }

  /** Reads the store past all faults, for looking at what is there. */
  async look(sql: string): Promise<readonly (readonly unknown[])[]> {
    if (!this.#client || !this.#execute) return [];
    const { rows } = await this.#execute.call(this.#client, sql);
    return rows as unknown as readonly unknown[][];
  }

  start(): void {
    const { world, onBug } = this.#options;
    const life: Life = { name: "coordinator", alive: true, machine: this.machine };
    this.#life = life;
    this.#isReady = false;
    this.pending = 0;
    this.troubledAt = world.now;
    world.note("coordinator starts");
    world.within(life, () => {
      this.#open(life).catch((err: unknown) => {
        if (!isStoreFault(err)) onBug(`The coordinator does not start: ${stackOf(err)}`);
        this.crash();
      });
    });
  }

  /** Nothing can be written for a while. */
  fillDisk(ms: number): void {
    this.#options.world.note("the coordinator's disk is full");
    this.#isFull = true;
    this.#options.world.after(ms, () => this.emptyDisk(), NOBODY);
  }

  emptyDisk(): void {
    this.#isFull = false;
  }

  /** As `kill -9`: nothing is closed, nothing is said. */
  crash(): void {
    if (!this.#life.alive) return;
    this.#options.world.note("coordinator is killed");
    this.#life.alive = false;
    this.#isReady = false;
    for (const died of this.#deaths) died();
    this.#deaths.clear();
  }

  /** Runs work in the process, as a call of its API would; rejects when the process ends before it has answered. */
  call<T>(work: (parts: TestEngine) => Promise<T>): Promise<T> {
    if (!this.isUp) return Promise.reject(new AppError("unavailable", "Connection refused"));
    const life = this.#life;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const died = () => reject(new AppError("unavailable", "Connection reset"));
    this.#deaths.add(died);
    const settle = (deliver: () => void) => {
      if (!life.alive) return;
      this.#deaths.delete(died);
      deliver();
    };
    this.#options.world.within(life, () =>
      work(this.parts).then(
        (value) => settle(() => resolve(value)),
        (err: unknown) => settle(() => reject(err)),
      ),
    );
    return promise;
  }

  /** A request of an agent, after what http/agent does. */
  async serve(
    instanceId: string,
    request: { path: string; body: unknown; signal: AbortSignal },
  ): Promise<Answer> {
    try {
      return { status: 200, body: await this.call((parts) => this.#route(parts, instanceId, request)) };
    } catch (err) {
      const known = agentErrorAnswer(err);
      if (known) return known;
      if (!isStoreFault(err)) this.#options.onBug(`${request.path} failed: ${stackOf(err)}`);
      return { status: 500, body: { error: { code: "internal", message: messageOf(err) } } };
    }
  }

  async #route(
    parts: TestEngine,
    instanceId: string,
    { path, body, signal }: { path: string; body: unknown; signal: AbortSignal },
  ): Promise<unknown> {
    const { link, db } = parts;
    if (path === "/enroll") {
      const tell = eventTeller(db, this.#clock, { ttlS: 3600 });
      const request = EnrollRequest.parse(JSON.parse(String(body)));
      return enrollInstance({ ...parts, clock: this.#clock, tell }, request);
    }
    const instance = await findInstance(db, instanceId);
    if (!instance || instance.deleted) throw new AppError("unauthenticated", "The credential is not known");
    if (path === "/sync") return link.sync(instance, SyncRequest.parse(JSON.parse(String(body))), signal);
    if (path === "/report") return link.report(instance, ReportRequest.parse(JSON.parse(String(body))));
    const [, id, offset] = /^\/logs\/([-0-9a-f]+)\?offset=(\d+)&at=\d+$/.exec(path) ?? [];
    if (id === undefined || !(body instanceof Uint8Array))
      throw new AppError("not_found", `No such call: ${path}`);
    return link.appendLog(instance, id, { bytes: body, offset: Number(offset), at: 0 });
  }

  async #open(life: Life): Promise<void> {
    this.#close();
    const { world, dir, broken, backends } = this.#options;
    const startedAt = world.now;
    const now = () => Math.floor(world.now + this.machine.skewMs);
    this.#clock = {
      now,
      steady: broken === "clock" ? now : () => world.now - startedAt,
      after: (ms, fire) => world.after(ms, fire, life),
    };
    const prepare = (parts: TestEngine) => {
      this.#parts = parts;
      keepInMemory(parts.logs, this.logs, () => this.#pause(life));
      if (broken) breakCoordinator(broken, parts);
      this.#spoil(clientOf(parts.db), life);
    };
    // Before the next step, whatever it was that asked for a write.
    await TestEngine.open(dir, this.#clock, { prepare, soon: queueMicrotask, backends });
    this.#isReady = life.alive;
    world.note("coordinator is up");
  }

  /** The file goes with the process; nothing else of it is to be ended. */
  #close(): void {
    if (this.#parts) clientOf(this.#parts.db).close();
  }

  /** Puts faults between the engine and its store. */
  #spoil(client: Client, life: Life): void {
    const [execute, batch] = [client.execute, client.batch];
    this.#client = client;
    this.#execute = execute;
    let isUnsettled = false;
    const around = async <T>(work: () => Promise<T>, isRead: boolean): Promise<T> => {
      this.pending++;
      await this.#pause(life);
      const result = await work();
      if (!isRead) {
        this.hasChanged = true;
        isUnsettled = true;
      }
      await this.#pause(life);
      this.pending--;
      // What follows a commit in memory is done by the time nothing is under way any more.
      if (this.pending === 0 && isUnsettled) {
        this.hasChanged = true;
        isUnsettled = false;
      }
      return result;
    };
    const failing = async <T>(work: () => Promise<T>, isRead: boolean): Promise<T> => {
      const { world, faults } = this.#options;
      if (life.alive && !isRead && this.#isFull) {
        this.troubledAt = world.now;
        world.note("the disk is full");
        throw new StoreFault("database or disk is full");
      }
      if (life.alive && world.random.chance(faults.storeError)) {
        this.troubledAt = world.now;
        world.note("the store fails");
        throw new StoreFault("disk I/O error");
      }
      return around(work, isRead);
    };
    Object.assign(client, {
      execute: (...args: Parameters<Client["execute"]>) =>
        failing(() => execute.apply(client, args), isSelect(args[0] as InStatement)),
      batch: (...args: Parameters<Client["batch"]>) => failing(() => batch.apply(client, args), false),
    });
  }

  async #pause(life: Life): Promise<void> {
    const { world, faults } = this.#options;
    if (life.alive && world.random.chance(faults.crash)) this.crash();
    if (!life.alive) return never();
    if (world.random.chance(faults.slowStore)) await world.pause(world.random.skewed(1, 8_000), life);
    if (!life.alive) return never();
  }

  [Symbol.dispose](): void {
    this.crash();
    this.#close();
  }
}

/** What happens to machines, whatever runs on them. */
const NOBODY: Life = { name: "nobody", alive: true, machine: { skewMs: 0 } };

/** What drizzle keeps of it, and does not tell in the type that the store gives out. */
export const clientOf = (db: Db): Client => (db as Db & { $client: Client }).$client;

const isSelect = (statement: InStatement | string): boolean =>
  (typeof statement === "string" ? statement : statement.sql).startsWith("select ");

const stackOf = (err: unknown): string => (err instanceof Error ? (err.stack ?? err.message) : String(err));
