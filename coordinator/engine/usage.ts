import type { MetricsAnswer, MetricsRequest, UsageSample } from "../../shared/protocol/metrics.ts";
import {
  findIdleGpu,
  type GpuSample,
  idleMessage,
  type UtilizationPolicy,
  windowStart,
} from "../domain/metrics/utilization.ts";
import { writeAll } from "../store/db.ts";
import { deleteHealthChecks } from "../store/healthChecks.ts";
import type { InstanceRow } from "../store/instances.ts";
import { listSubmissionsByIds, type SubmissionRow } from "../store/submissions.ts";
import {
  deletePoints,
  type HostPoint,
  hostPoint,
  type JobPoint,
  jobPoint,
  listJobPoints,
} from "../store/usage.ts";
import { endSubmission } from "./endings.ts";
import type { Engine } from "./engine.ts";
import type { EngineDeps } from "./engineDeps.ts";
import { UsageWriter } from "./usageWriter.ts";

const HOUR_MS = 3_600_000;
/** How long samples of running jobs and of hosts are kept, and those of jobs that have ended (docs/spec/lifecycle.md §7.2). */
const LIVE_MS = HOUR_MS;
const ENDED_MS = 7 * 24 * HOUR_MS;
/** How long it is known how instances did (docs/spec/lifecycle.md §7.1). */
const HEALTH_MS = 7 * 24 * HOUR_MS;
/** Often, so that little is to be deleted each time: nothing else is done meanwhile. */
const PURGE_MS = 60_000;

/** A host's clock that differs by more is wrong, and its samples are set right. */
const CLOCK_TOLERANCE_MS = 60_000;

/** From sample to sample; a window of five minutes begins in its first one (domain/metrics/utilization.ts). */
const INTERVAL = { shortestMs: 10_000, longestMs: 30_000, perHostMs: 10 };
/** The same of hosts without a job, which are many more. */
const IDLE_INTERVAL = { shortestMs: 60_000, longestMs: 900_000, perHostMs: 60 };

/** A job whose samples come in: what is asked of each, remembered so that most samples cost no query. */
interface SampledJob {
  instanceId: string | null;
  runId: string;
  /** Undefined: it has none, or was ended by it. */
  policy: UtilizationPolicy | undefined;
  /** Of the policy's window; undefined: not read from the store yet. */
  window: GpuSample[] | undefined;
  latest: JobPoint | undefined;
  seenAt: number;
}

/** Takes in what hosts and jobs use, keeps it for as long as it is asked for, and ends jobs that leave GPUs idle. */
export class UsageIntake {
  readonly #deps: EngineDeps & { engine: Engine };
  readonly #writer: UsageWriter;
  readonly #jobs = new Map<string, SampledJob>();
  readonly #hosts = new Map<string, HostPoint>();
  #cancel: () => void;

  constructor(deps: EngineDeps & { engine: Engine }) {
    this.#deps = deps;
    this.#writer = new UsageWriter(deps.db);
    this.#cancel = deps.clock.after(PURGE_MS, () => this.#purge());
  }

  async close(): Promise<void> {
    this.#cancel();
    await this.#writer.close();
  }

  /** Resolves when the samples are stored. Those of submissions that are not this instance's are passed over. */
  async take(instance: InstanceRow, request: MetricsRequest): Promise<MetricsAnswer> {
    const { clock, agents, capacity } = this.#deps;
    const now = clock.now();
    agents.touch(instance.id);
    const samples = atOurClock(request, now).filter(({ at }) => at > now - LIVE_MS);
    const own = await this.#ownJobs(instance.id, samples);
    const jobs = samples.flatMap(({ at, jobs: used }) =>
      used.filter((one) => own.has(one.submission_id)).map((one) => jobPoint(at, one)),
    );
    const hosts = samples.flatMap(({ at, host }) => (host ? hostPoint(instance.id, at, host) : []));
    await this.#writer.write({ jobs, hosts });
    const newest = hosts.at(-1);
    if (newest) this.#hosts.set(instance.id, newest);
    for (const point of jobs) {
      const job = own.get(point.submission_id);
      if (job) job.latest = point;
    }
    for (const [id, job] of own)
      if (job.policy)
        await this.#judge(id, { job, policy: job.policy, fresh: jobs.filter((p) => p.submission_id === id) });
    return {
      interval_ms: pace(INTERVAL, capacity.size),
      idle_interval_ms: pace(IDLE_INTERVAL, capacity.size),
    };
  }

  latestOfJob(submissionId: string): JobPoint | undefined {
    return this.#jobs.get(submissionId)?.latest;
  }

  latestOfHost(instanceId: string): HostPoint | undefined {
    return this.#hosts.get(instanceId);
  }

  async #ownJobs(instanceId: string, samples: readonly UsageSample[]): Promise<Map<string, SampledJob>> {
    const now = this.#deps.clock.now();
    const named = new Set(samples.flatMap(({ jobs }) => jobs.map((job) => job.submission_id)));
    const unknown = [...named].filter((id) => !this.#jobs.has(id));
    for (const row of await listSubmissionsByIds(this.#deps.db, unknown))
      this.#jobs.set(row.id, sampledJob(row, now));
    const own = new Map<string, SampledJob>();
    for (const id of named) {
      const job = this.#jobs.get(id);
      if (job?.instanceId !== instanceId) continue;
      job.seenAt = now;
      own.set(id, job);
    }
    return own;
  }

  /** The stored samples are what counts: after a restart they are read again. */
  async #judge(
    id: string,
    { job, policy, fresh }: { job: SampledJob; policy: UtilizationPolicy; fresh: readonly JobPoint[] },
  ): Promise<void> {
    const newest = Math.max(...fresh.map(({ at }) => at));
    const from = windowStart(policy, newest);
    const known = job.window ?? (await listJobPoints(this.#deps.db, id, { after: from })).map(gpuSample);
    const added = job.window ? fresh.map(gpuSample) : [];
    job.window = [...known, ...added].filter(({ at }) => at >= from);
    if (findIdleGpu(policy, job.window, newest) !== undefined) await this.#end(id, job, policy);
  }

  async #end(id: string, job: SampledJob, policy: UtilizationPolicy): Promise<void> {
    await this.#deps.engine.withRun(job.runId, (draft) => {
      const { run } = draft;
      const submission = draft.findSubmission(id);
      if (submission?.status !== "running" || !run) return;
      const reason = "terminated_due_to_utilization_policy" as const;
      draft.add(endSubmission(this.#deps, submission, { run, reason, message: idleMessage(policy) }));
      job.policy = undefined;
    });
  }

  #purge(): void {
    const { db, clock, log } = this.#deps;
    const now = clock.now();
    this.#cancel = clock.after(PURGE_MS, () => this.#purge());
    for (const [id, job] of this.#jobs) if (job.seenAt < now - LIVE_MS) this.#jobs.delete(id);
    for (const [id, { at }] of this.#hosts) if (at < now - LIVE_MS) this.#hosts.delete(id);
    const old = [
      ...deletePoints(db, { live: now - LIVE_MS, ended: now - ENDED_MS }),
      deleteHealthChecks(db, now - HEALTH_MS),
    ];
    writeAll(db, old).catch((err: unknown) =>
      log.error("Old metrics could not be deleted; it is tried again", { err }),
    );
  }
}

const sampledJob = (row: SubmissionRow, now: number): SampledJob => ({
  instanceId: row.instance_id,
  runId: row.run_id,
  policy: row.job_spec.utilization_policy ?? undefined,
  window: undefined,
  latest: undefined,
  seenAt: now,
});

const gpuSample = ({ at, gpus }: JobPoint): GpuSample => ({
  at,
  utilization: gpus.map((gpu) => gpu.utilization),
});

/** Small differences stay: setting them right would add the time on the way to every distance between two samples. */
const atOurClock = ({ sent_at, samples }: MetricsRequest, now: number): UsageSample[] => {
  const shift = now - sent_at;
  if (Math.abs(shift) <= CLOCK_TOLERANCE_MS) return samples;
  return samples.map((sample) => ({ ...sample, at: sample.at + shift }));
};

const pace = (interval: typeof INTERVAL, hosts: number): number =>
  Math.min(Math.max(interval.shortestMs, hosts * interval.perHostMs), interval.longestMs);
