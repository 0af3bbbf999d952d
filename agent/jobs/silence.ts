import { readFileSync, writeFileSync } from "node:fs";
import type { Clock } from "../../shared/clock.ts";
import { messageOf } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import type { Assignment } from "../../shared/protocol/assignment.ts";

export interface SilenceDeps {
  clock: Clock;
  log: Logger;
  /** Where the time of the last answer outlives the process. */
  path: string;
  /** Whether what was noted there is of the time since the host was started: of before, nothing runs any more. */
  isSameBoot: boolean;
  /** A job with a limit has come. */
  onWatch: (submissionId: string, limitMs: number) => void;
  /** The job may be another host's from now on. */
  onSilence: (submissionId: string) => void;
}

/**
 * Ends jobs that go on elsewhere when this host is lost, by this host's own clock (`stop_if_silent_ms`,
 * shared/protocol/assignment.ts): what counts is when the last sync that was answered was sent.
 */
export class Silence {
  readonly #deps: SilenceDeps;
  readonly #limits = new Map<string, number>();
  readonly #cancel = new Map<string, () => void>();
  #answeredAt: number;

  constructor(deps: SilenceDeps) {
    this.#deps = deps;
    this.#answeredAt = (deps.isSameBoot ? readTime(deps.path) : undefined) ?? deps.clock.steady();
  }

  watch({ submission_id: id, stop_if_silent_ms: limitMs }: Assignment): void {
    if (!limitMs) return;
    // Nobody has asked for it to be kept before.
    if (this.#limits.size === 0) this.#keep();
    this.#limits.set(id, limitMs);
    this.#arm(id, limitMs);
    this.#deps.onWatch(id, limitMs);
  }

  unwatch(id: string): void {
    this.#limits.delete(id);
    this.#cancel.get(id)?.();
    this.#cancel.delete(id);
  }

  /** A sync that was sent then has been answered. */
  answered(sentAt: number): void {
    // A timer may be late, and the coordinator counts on what is over.
    this.#armAll();
    this.#answeredAt = sentAt;
    if (this.#limits.size === 0) return;
    this.#keep();
    this.#armAll();
  }

  close(): void {
    for (const id of [...this.#limits.keys()]) this.unwatch(id);
  }

  #keep(): void {
    try {
      writeFileSync(this.#deps.path, `${Math.floor(this.#answeredAt)}\n`, { mode: 0o600 });
    } catch (err) {
      this.#deps.log.warn("Cannot note the last answer", { path: this.#deps.path, reason: messageOf(err) });
    }
  }

  /** Those that are not over yet. */
  #armAll(): void {
    for (const [id, limitMs] of this.#limits) if (this.#cancel.has(id)) this.#arm(id, limitMs);
  }

  #arm(id: string, limitMs: number): void {
    const { clock, log, onSilence } = this.#deps;
    this.#cancel.get(id)?.();
    this.#cancel.delete(id);
    const leftMs = this.#answeredAt + limitMs - clock.steady();
    const end = () => {
      this.#cancel.delete(id);
      log.warn("Cut off for too long: the job may go on elsewhere, and ends here", { submission_id: id });
      onSilence(id);
    };
    // At once where it is over: no answer that comes now makes it this host's again.
    if (leftMs <= 0) end();
    else this.#cancel.set(id, clock.after(leftMs, end));
  }
}

/** Undefined where there is none, or a crash has left half of one. */
const readTime = (path: string): number | undefined => {
  try {
    const text = readFileSync(path, "utf8");
    return /^\d+\n$|^\d{13}$/.test(text) ? Number(text) : undefined;
  } catch {
    return undefined;
  }
};
