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
    this.#answeredAt = readTime(deps.path) ?? deps.clock.now();
  }

  /** From when it was accepted the coordinator knows that this host was there; `isKnown`: before this process began. */
  watch({ submission_id: id, stop_if_silent_ms: limitMs }: Assignment, isKnown: boolean): void {
    if (!limitMs) return;
    if (!isKnown && this.#limits.size === 0) {
      this.#answeredAt = this.#deps.clock.now();
      this.#keep();
    }
    this.#limits.set(id, limitMs);
    this.#arm(id, limitMs);
  }

  unwatch(id: string): void {
    this.#limits.delete(id);
    this.#cancel.get(id)?.();
    this.#cancel.delete(id);
  }

  /** A sync that was sent so long ago has been answered. */
  answered(agoMs: number): void {
    this.#answeredAt = this.#deps.clock.now() - agoMs;
    if (this.#limits.size === 0) return;
    this.#keep();
    for (const [id, limitMs] of this.#limits) this.#arm(id, limitMs);
  }

  close(): void {
    for (const id of [...this.#limits.keys()]) this.unwatch(id);
  }

  #keep(): void {
    try {
      writeFileSync(this.#deps.path, String(Math.floor(this.#answeredAt)), { mode: 0o600 });
    } catch (err) {
      this.#deps.log.warn("Cannot note the last answer", { path: this.#deps.path, reason: messageOf(err) });
    }
  }

  #arm(id: string, limitMs: number): void {
    const { clock, log, onSilence } = this.#deps;
    this.#cancel.get(id)?.();
    const leftMs = this.#answeredAt + limitMs - clock.now();
    const end = () => {
      log.warn("Cut off for too long: the job may go on elsewhere, and ends here", { submission_id: id });
      onSilence(id);
    };
    this.#cancel.set(id, clock.after(Math.max(0, leftMs), end));
  }
}

/** Undefined where there is none, or a crash has left half of one. */
const readTime = (path: string): number | undefined => {
  try {
    const text = readFileSync(path, "utf8");
    return /^\d{13}$/.test(text) ? Number(text) : undefined;
  } catch {
    return undefined;
  }
};
