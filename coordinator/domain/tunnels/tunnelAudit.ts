import type { Clock } from "../../../shared/clock.ts";
import type { Logger } from "../../../shared/log.ts";
import type { Audit, Moved } from "../../relay/audit.ts";
import type { Destination, Holder } from "../../relay/holder.ts";
import { type Db, writeAll } from "../../store/db.ts";
import type { NewEvent, TellEvents } from "../../store/events.ts";
import {
  type Reached,
  reachClosed,
  reachOpened,
  tunnelClosed,
  tunnelOpened,
} from "../events/tunnelEvents.ts";

interface Deps {
  db: Db;
  tell: TellEvents;
  clock: Clock;
  log: Logger;
}

/** One job's port, or its shell, as it is used by one holder, with pauses no longer than `QUIET_MS`. */
interface Use {
  reached: Reached;
  since: number;
  lastAt: number;
  open: number;
  connections: number;
  sentBytes: number;
  receivedBytes: number;
  cancel: () => void;
}

interface Held {
  since: number;
  connections: number;
  uses: Map<string, Use>;
}

/** Connections that follow each other sooner are told of as one use. */
const QUIET_MS = 60_000;
/** Events that come close together are one write. */
const GATHER_MS = 250;
const RETRY_MS = 5_000;
/** Where the store is away for longer, what is oldest is lost, and that is said. */
const MOST_WAITING = 10_000;

/**
 * Tells, as events, who opened a tunnel, a shell or a port of a job, from where, and how it went. A page is many short
 * connections: the first is told at once, and all of them when they are over.
 */
export class TunnelAudit implements Audit {
  readonly #deps: Deps;
  readonly #held = new Map<Holder, Held>();
  #waiting: NewEvent[] = [];
  #cancelWrite: (() => void) | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  link(holder: Holder): () => void {
    const held = this.#heldOf(holder);
    this.#tell(tunnelOpened(holder.project, by(holder)));
    return () => {
      this.#forget(holder, held);
      const seconds = this.#secondsSince(held.since);
      this.#tell(tunnelClosed(holder.project, by(holder), { seconds, connections: held.connections }));
    };
  }

  stream(holder: Holder, destination: Destination): (moved: Moved) => void {
    const { request, run, jobName } = destination;
    const { submission_id: submissionId, to } = request;
    const what = to.kind === "port" ? `Port ${to.port}` : NAMES[to.kind];
    const held = this.#heldOf(holder);
    const key = `${submissionId} ${what}`;
    const use = held.uses.get(key) ?? this.#begin(holder, { submissionId, jobName, run, what });
    held.uses.set(key, use);
    held.connections += 1;
    use.cancel();
    use.open += 1;
    use.connections += 1;
    return ({ sentBytes, receivedBytes }) => {
      use.open -= 1;
      use.sentBytes += sentBytes;
      use.receivedBytes += receivedBytes;
      use.lastAt = this.#deps.clock.steady();
      if (use.open > 0) return;
      const end = () => this.#end(holder, { held, key });
      use.cancel = this.#deps.clock.after(QUIET_MS, end);
    };
  }

  /** Tells of the end of all that is open, and writes what was not written yet. */
  async close(): Promise<void> {
    for (const [holder, held] of this.#held) this.#forget(holder, held);
    this.#cancelWrite?.();
    await this.#writing;
    await this.#write();
    this.#cancelWrite?.();
  }

  #heldOf(holder: Holder): Held {
    const known = this.#held.get(holder);
    if (known) return known;
    const fresh: Held = { since: this.#deps.clock.steady(), connections: 0, uses: new Map() };
    this.#held.set(holder, fresh);
    return fresh;
  }

  #begin(holder: Holder, reached: Reached): Use {
    this.#tell(reachOpened(reached, by(holder)));
    const now = this.#deps.clock.steady();
    const none = { open: 0, connections: 0, sentBytes: 0, receivedBytes: 0, cancel: () => {} };
    return { reached, since: now, lastAt: now, ...none };
  }

  #end(holder: Holder, { held, key }: { held: Held; key: string }): void {
    const use = held.uses.get(key);
    if (!use) return;
    use.cancel();
    held.uses.delete(key);
    if (held.uses.size === 0 && this.#held.get(holder) === held) this.#held.delete(holder);
    const seconds = Math.round(((use.open > 0 ? this.#deps.clock.steady() : use.lastAt) - use.since) / 1000);
    this.#tell(reachClosed(use.reached, by(holder), { ...use, seconds }));
  }

  #forget(holder: Holder, held: Held): void {
    for (const key of [...held.uses.keys()]) this.#end(holder, { held, key });
    this.#held.delete(holder);
  }

  #secondsSince(since: number): number {
    return Math.round((this.#deps.clock.steady() - since) / 1000);
  }

  #tell(event: NewEvent): void {
    this.#waiting.push(event);
    this.#cancelWrite ??= this.#deps.clock.after(GATHER_MS, () => this.#writeSoon());
  }

  #writeSoon(): void {
    this.#cancelWrite = undefined;
    this.#writing = this.#writing.then(() => this.#write());
  }

  async #write(): Promise<void> {
    const { db, tell, clock, log } = this.#deps;
    const events = this.#waiting;
    if (events.length === 0) return;
    this.#waiting = [];
    try {
      await writeAll(db, tell(events));
    } catch (err) {
      const kept = [...events, ...this.#waiting].slice(-MOST_WAITING);
      const lost = events.length + this.#waiting.length - kept.length;
      log.error("Events of tunnels could not be written, which is tried again", { lost, err });
      this.#waiting = kept;
      this.#cancelWrite ??= clock.after(RETRY_MS, () => this.#writeSoon());
    }
  }
}

/** What is reached by the direct way the coordinator does not see: a ticket is for all that its holder may. */
const NAMES = { ssh: "Shell", direct: "Direct way" };

const by = ({ userId: actorId, address }: Holder) => ({ actorId, address });
