import { Backoff } from "../../shared/async/backoff.ts";
import { AppError } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { MetricsAnswer, type MetricsRequest, type UsageSample } from "../../shared/protocol/metrics.ts";
import { callJson, codeOf, type LinkOptions } from "./client.ts";
import { Outage } from "./outage.ts";
import { Wake } from "./wake.ts";

/** Until the coordinator has said its own. */
const FIRST_PACE: MetricsAnswer = { interval_ms: 10_000, idle_interval_ms: 60_000 };
/** Two samples are never nearer than this. */
const SHORTEST_MS = 1_000;
/** How long a coordinator that does not know the call is left alone: it may have been upgraded by then. */
const UNKNOWN_MS = 600_000;

/** What is kept while the coordinator is away: an hour of one job's samples, or less of more of them. */
const MOST_SAMPLES = 360;
const MOST_BYTES = 4 * 1024 * 1024;
/** Well below what the coordinator takes in at once. */
const MOST_BATCH_BYTES = 256 * 1024;

export interface MetricsDeps {
  link: LinkOptions;
  log: Logger;
  sample: (signal: AbortSignal) => Promise<UsageSample>;
  hasJobs: () => boolean;
  now: () => number;
}

/** Takes samples at the coordinator's pace and sends them, in order; while it is away the newest are kept. */
export class MetricsLoop {
  readonly #deps: MetricsDeps;
  readonly #sampling = new Wake();
  readonly #sending = new Wake();
  #kept: { sample: UsageSample; bytes: number }[] = [];
  #bytes = 0;
  #pace = FIRST_PACE;
  #silentUntil = 0;

  constructor(deps: MetricsDeps) {
    this.#deps = deps;
  }

  /** A job has begun: it need not wait for the end of an idle interval. */
  wake(): void {
    this.#sampling.wake();
  }

  /** Resolves when the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#sample(signal), this.#send(signal)]);
  }

  async #sample(signal: AbortSignal): Promise<void> {
    const outage = new Outage(this.#deps.log, "Cannot take a sample of what jobs use");
    while (!signal.aborted) {
      const startedAt = performance.now();
      const wasIdle = !this.#deps.hasJobs();
      try {
        if (this.#deps.now() >= this.#silentUntil) this.#keep(await this.#deps.sample(signal));
        outage.over();
      } catch (err) {
        outage.failed(err);
      }
      await this.#untilDue({ startedAt, wasIdle }, signal);
    }
  }

  /** The first job since the host was idle is looked at at once, others with the next sample. */
  async #untilDue(last: { startedAt: number; wasIdle: boolean }, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const hasBegun = last.wasIdle && this.#deps.hasJobs();
      const dueMs = last.startedAt + (hasBegun ? SHORTEST_MS : this.#intervalMs()) - performance.now();
      if (dueMs <= 0) return;
      await this.#sampling.wait(signal, dueMs);
    }
  }

  #intervalMs(pace = this.#pace): number {
    return this.#deps.hasJobs() ? pace.interval_ms : pace.idle_interval_ms;
  }

  #keep(sample: UsageSample): void {
    const bytes = JSON.stringify(sample).length;
    this.#kept.push({ sample, bytes });
    this.#bytes += bytes;
    while (this.#kept.length > MOST_SAMPLES || (this.#bytes > MOST_BYTES && this.#kept.length > 1))
      this.#bytes -= this.#kept.shift()?.bytes ?? 0;
    this.#sending.wake();
  }

  async #send(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff({ firstMs: 1_000, longestMs: 60_000 });
    const outage = new Outage(this.#deps.log, "Cannot send metrics to the coordinator; the newest are kept");
    while (!signal.aborted) {
      if (this.#kept.length === 0) {
        await this.#sending.wait(signal);
        continue;
      }
      const batch = this.#nextBatch();
      try {
        await this.#post(batch, signal);
        backoff.reset();
        outage.over();
      } catch (err) {
        if (signal.aborted) return;
        if (codeOf(err) === "not_found") this.#pause();
        // Not worth a second try, and others must not wait behind it.
        else if (codeOf(err) === "invalid" || codeOf(err) === "too_large") this.#refused(batch, err);
        else {
          outage.failed(err);
          await new Wake().wait(signal, backoff.next());
        }
      }
    }
  }

  #nextBatch(): UsageSample[] {
    let bytes = 0;
    const batch: UsageSample[] = [];
    for (const one of this.#kept) {
      bytes += one.bytes;
      if (batch.length > 0 && bytes > MOST_BATCH_BYTES) break;
      batch.push(one.sample);
    }
    return batch;
  }

  async #post(samples: UsageSample[], signal: AbortSignal): Promise<void> {
    const json: MetricsRequest = { sent_at: this.#deps.now(), samples };
    const pace = await callJson(this.#deps.link, { path: "/metrics", json, signal }, MetricsAnswer);
    this.#drop(samples);
    const isNew = this.#intervalMs(pace) !== this.#intervalMs();
    this.#pace = pace;
    // The wait for the next sample began with another pace.
    if (isNew) this.#sampling.wake();
  }

  #drop(samples: readonly UsageSample[]): void {
    const gone = new Set(samples);
    this.#kept = this.#kept.filter((one) => !gone.has(one.sample));
    this.#bytes = this.#kept.reduce((sum, one) => sum + one.bytes, 0);
  }

  #refused(batch: readonly UsageSample[], err: unknown): void {
    this.#deps.log.warn("The coordinator refuses some metrics; they are left out", {
      samples: batch.length,
      reason: err instanceof AppError ? err.message : "",
    });
    this.#drop(batch);
  }

  /** An older coordinator: nothing is sampled for nobody. */
  #pause(): void {
    if (this.#silentUntil === 0) this.#deps.log.info("The coordinator takes no metrics; none are sent");
    this.#silentUntil = this.#deps.now() + UNKNOWN_MS;
    this.#drop(this.#kept.map((one) => one.sample));
  }
}
