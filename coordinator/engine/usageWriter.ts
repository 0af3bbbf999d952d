import { type Db, writeAll } from "../store/db.ts";
import { type HostPoint, insertPoints, type JobPoint } from "../store/usage.ts";

export interface Points {
  jobs: readonly JobPoint[];
  hosts: readonly HostPoint[];
}

/** Writes samples: those that come while others are being written go together, in one transaction. */
export class UsageWriter {
  readonly #db: Db;
  #waiting: Points[] = [];
  #next: Promise<void> | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(db: Db) {
    this.#db = db;
  }

  /** Resolves when they are stored. */
  write(points: Points): Promise<void> {
    this.#waiting.push(points);
    this.#next ??= this.#after(this.#last);
    return this.#next;
  }

  /** Waits for what is being written; if that fails, whoever has written it is told. */
  async close(): Promise<void> {
    await Promise.allSettled([this.#last]);
  }

  #after(previous: Promise<void>): Promise<void> {
    this.#last = Promise.allSettled([previous]).then(() => this.#commit());
    return this.#last;
  }

  async #commit(): Promise<void> {
    this.#next = undefined;
    const batch = this.#waiting.splice(0);
    const jobs = batch.flatMap((points) => points.jobs);
    const hosts = batch.flatMap((points) => points.hosts);
    await writeAll(this.#db, insertPoints(this.#db, { jobs, hosts }));
  }
}
