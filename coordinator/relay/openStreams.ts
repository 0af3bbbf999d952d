import type { Clock } from "../../shared/clock.ts";
import type { Logger } from "../../shared/log.ts";
import type { StreamFailure } from "../../shared/tunnel/frame.ts";
import type { TunnelStream } from "../../shared/tunnel/stream.ts";
import { type Destination, type Holder, StreamRefusal } from "./holder.ts";
import type { TunnelLimits } from "./limits.ts";

/** A stream that somebody was given, for as long as it is there. */
export interface OpenStream {
  readonly holder: Holder;
  readonly destination: Destination;
  /** Towards the job. */
  readonly far: TunnelStream;
  /** Connections are up, as far as this side knows: else that nothing moves means nothing. */
  readonly isUp: () => boolean;
  /** Ends it on both sides. */
  readonly abort: (failure: StreamFailure) => void;
}

/** A link that somebody holds. */
export interface HeldLink {
  readonly holder: Holder;
  readonly close: (reason: string) => void;
}

interface Watched<T> {
  readonly one: T;
  readonly since: number;
}

interface WatchedStream extends Watched<OpenStream> {
  bytes: number;
  movedAt: number;
  /** Since then its job is over. */
  overSince: number | undefined;
}

interface Deps {
  clock: Clock;
  log: Logger;
  limits: Pick<TunnelLimits, "idleMs" | "longestMs">;
  /** Called once a second while anything is open. */
  onLook?: () => void;
}

const LOOK_MS = 1_000;
/** What a job that is over has sent may still arrive: as long as it moves, and no longer than its agent has for it. */
const LAST_WORDS_MS = 65_000;
const LAST_SILENCE_MS = 5_000;
/** Where rights cannot be looked at (the database is away), it is tried again. */
const RECHECK_MS = 1_000;

const JOB_OVER = { code: "aborted", message: "The job has ended" };

/**
 * What people have open. Each is looked at again, by the rule by which it was given, when something was written that the
 * rule looks at; and each second for what its time has come.
 */
export class OpenStreams {
  readonly #deps: Deps;
  readonly #streams = new Map<OpenStream, WatchedStream>();
  readonly #links = new Map<HeldLink, Watched<HeldLink>>();
  /** Of the submissions and runs that streams belong to, how many do. */
  readonly #belonging = new Map<string, number>();
  /** What is to be looked at again: everything, or what belongs to these submissions and runs. */
  #isAllDue = false;
  readonly #due = new Set<string>();
  #isChecking = false;
  #cancelLook: (() => void) | undefined;
  #cancelRetry: (() => void) | undefined;
  /** How often something was written that may change the answer of a rule. */
  changes = 0;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  get size(): number {
    return this.#streams.size;
  }

  list(): TunnelStream[] {
    return [...this.#streams.keys()].map(({ far }) => far);
  }

  /** Until its far end is gone. */
  add(stream: OpenStream): void {
    const now = this.#deps.clock.steady();
    for (const id of idsOf(stream)) this.#belonging.set(id, (this.#belonging.get(id) ?? 0) + 1);
    this.#streams.set(stream, { one: stream, since: now, bytes: 0, movedAt: now, overSince: undefined });
    this.#lookSoon();
  }

  remove(stream: OpenStream): void {
    if (!this.#streams.delete(stream)) return;
    for (const id of idsOf(stream)) {
      const left = (this.#belonging.get(id) ?? 0) - 1;
      if (left > 0) this.#belonging.set(id, left);
      else this.#belonging.delete(id);
    }
  }

  /** A link, which is checked at once: who has dialled may have lost their right in between. */
  addLink(link: HeldLink): void {
    this.#links.set(link, { one: link, since: this.#deps.clock.steady() });
    this.#lookSoon();
    void this.#checkLink(link).catch((err: unknown) => this.#tryAgain(err));
  }

  removeLink(link: HeldLink): void {
    this.#links.delete(link);
  }

  changed({ submissionId, runId }: { submissionId?: string; runId?: string } = {}): void {
    this.changes += 1;
    const id = submissionId ?? runId;
    // Jobs that nobody is led to are written all the time.
    if (id !== undefined && !this.#belonging.has(id)) return;
    if (id === undefined) this.#isAllDue = true;
    else this.#due.add(id);
    if (this.#streams.size + this.#links.size > 0) void this.#check();
    else this.#forgetDue();
  }

  close(): void {
    this.#cancelLook?.();
    this.#cancelRetry?.();
  }

  #forgetDue(): void {
    this.#isAllDue = false;
    this.#due.clear();
  }

  async #check(): Promise<void> {
    if (this.#isChecking) return;
    this.#isChecking = true;
    try {
      while (this.#isAllDue || this.#due.size > 0) {
        const isDue = this.#takeDue();
        if (isDue === "all") for (const link of [...this.#links.keys()]) await this.#checkLink(link);
        for (const watched of [...this.#streams.values()])
          if (isDue === "all" || isDue(watched.one)) await this.#checkStream(watched);
      }
    } catch (err) {
      this.#tryAgain(err);
    } finally {
      this.#isChecking = false;
    }
  }

  #takeDue(): "all" | ((stream: OpenStream) => boolean) {
    const [isAll, ids] = [this.#isAllDue, new Set(this.#due)];
    this.#forgetDue();
    if (isAll) return "all";
    return (stream) => idsOf(stream).some((id) => ids.has(id));
  }

  async #checkLink(link: HeldLink): Promise<void> {
    try {
      await link.holder.check();
    } catch (err) {
      if (!(err instanceof StreamRefusal)) throw err;
      if (this.#links.has(link)) link.close(err.message);
    }
  }

  async #checkStream(watched: WatchedStream): Promise<void> {
    const { one } = watched;
    try {
      const state = await one.holder.recheck(one.destination);
      if (state === "over") watched.overSince ??= this.#deps.clock.steady();
    } catch (err) {
      if (!(err instanceof StreamRefusal)) throw err;
      if (this.#streams.has(one)) one.abort({ code: "aborted", message: err.message });
    }
  }

  #tryAgain(err: unknown): void {
    this.#deps.log.error("Whether streams may go on could not be looked at, which is tried again", { err });
    this.#isAllDue = true;
    this.#cancelRetry?.();
    this.#cancelRetry = this.#deps.clock.after(RECHECK_MS, () => void this.#check());
  }

  #lookSoon(): void {
    this.#cancelLook ??= this.#deps.clock.after(LOOK_MS, () => {
      this.#cancelLook = undefined;
      this.#look();
      if (this.#streams.size + this.#links.size > 0) this.#lookSoon();
    });
  }

  #look(): void {
    const { clock, limits } = this.#deps;
    this.#deps.onLook?.();
    const now = clock.steady();
    const isTooOld = (since: number) => limits.longestMs > 0 && now - since >= limits.longestMs;
    for (const { one, since } of [...this.#links.values()])
      if (isTooOld(since)) one.close(`A tunnel lasts ${inSeconds(limits.longestMs)} at most`);
    for (const watched of [...this.#streams.values()]) {
      const { one, since, overSince } = watched;
      const bytes = one.far.sentBytes + one.far.receivedBytes;
      if (bytes !== watched.bytes || !one.isUp()) watched.movedAt = now;
      watched.bytes = bytes;
      const silentMs = now - watched.movedAt;
      const isDone =
        overSince !== undefined && (silentMs >= LAST_SILENCE_MS || now - overSince >= LAST_WORDS_MS);
      if (isDone) one.abort(JOB_OVER);
      else if (limits.idleMs > 0 && silentMs >= limits.idleMs)
        one.abort({ code: "aborted", message: `Nothing moved for ${inSeconds(limits.idleMs)}` });
      else if (isTooOld(since))
        one.abort({ code: "aborted", message: `A stream lasts ${inSeconds(limits.longestMs)} at most` });
    }
  }
}

const idsOf = ({ destination: { request, run } }: OpenStream): string[] => [request.submission_id, run.id];

const inSeconds = (ms: number): string => `${Math.round(ms / 1000)} seconds`;
