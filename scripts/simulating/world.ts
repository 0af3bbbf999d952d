import { AsyncLocalStorage } from "node:async_hooks";
import { Random } from "./random.ts";

/** One process, from its start to its end. What is left of it when it is dead never goes on. */
export interface Life {
  name: string;
  alive: boolean;
  /** Whose clock it reads: this much off. */
  machine: { skewMs: number };
}

interface Happening {
  at: number;
  order: number;
  fire: (() => void) | undefined;
  life: Life | undefined;
}

const TRACE_LINES = 5_000;
const { setImmediate: afterMicrotasks } = globalThis;

/**
 * Time and order of everything that happens in one simulation. Code runs only between two steps' moments: after each
 * happening all that follows from it at once (promises included) is done before the next, so a seed replays exactly.
 */
export class World {
  readonly random: Random;
  readonly trace: string[] = [];
  readonly startedAt = Date.UTC(2026, 0, 1);
  now = this.startedAt;
  steps = 0;
  readonly #contexts = new AsyncLocalStorage<Life>();
  readonly #queue: Happening[] = [];
  #order = 0;

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  /** The process that the running code belongs to; undefined: the simulator itself. */
  get life(): Life | undefined {
    return this.#contexts.getStore();
  }

  /** Runs code as part of a process: what it starts belongs to that process too. */
  within<T>(life: Life, work: () => T): T {
    return this.#contexts.run(life, work);
  }

  /** Calls back `ms` from now, unless cancelled, or `life` is over by then. */
  after(ms: number, fire: () => void, life = this.life): () => void {
    const happening: Happening = { at: this.now + Math.max(0, ms), order: this.#order++, fire, life };
    let at = this.#queue.length;
    while (at > 0 && isLater(this.#queue[at - 1], happening)) at--;
    this.#queue.splice(at, 0, happening);
    return () => {
      happening.fire = undefined;
    };
  }

  /** Resolves `ms` from now; never, when the process that waits is over by then. */
  pause(ms: number, life = this.life): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve, life));
  }

  /** The next happening, if there is one before `until`. */
  async step(until = Number.POSITIVE_INFINITY): Promise<boolean> {
    for (;;) {
      const [next] = this.#queue;
      if (!next || next.at > until) return false;
      this.#queue.shift();
      const { fire, life } = next;
      if (!fire || life?.alive === false) continue;
      this.now = Math.max(this.now, next.at);
      this.steps++;
      if (life) this.#contexts.run(life, fire);
      else this.#contexts.exit(fire);
      await this.settle();
      return true;
    }
  }

  /** Everything that can go on without time passing has done so. */
  settle(): Promise<void> {
    return new Promise((resolve) => afterMicrotasks(resolve));
  }

  note(text: string): void {
    if (this.trace.length >= TRACE_LINES) this.trace.shift();
    this.trace.push(`${((this.now - this.startedAt) / 1000).toFixed(3).padStart(9)} ${text}`);
  }
}

const isLater = (one: Happening | undefined, other: Happening): boolean =>
  one !== undefined && (one.at > other.at || (one.at === other.at && one.order > other.order));

/** For what waits on a process that is over. */
export const never = (): Promise<never> => new Promise(() => {});
