import { mkdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { delay } from "../../shared/async/delay.ts";
import type { Clock } from "../../shared/clock.ts";
import { AppError, messageOf } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import type { AssignedRepo } from "../../shared/protocol/assignment.ts";
import type { RuntimeName } from "../../shared/protocol/inventory.ts";
import type { PullProgress, Report } from "../../shared/protocol/report.ts";
import type { HeldSubmission } from "../../shared/protocol/sync.ts";
import type { FetchBlob } from "../link/blobs.ts";
import type { LogSource, LogUpload } from "../link/logs.ts";
import { whenThereIsRoom } from "../runtime/room.ts";
import {
  type JobEnd,
  type PreparedRepo,
  type RunningJob,
  type Runtime,
  type RuntimeJob,
  StartError,
  type UnpackedArchive,
} from "../runtime/runtime.ts";
import { unpackArchive } from "./archives.ts";
import type { Journal, JournalEntry } from "./journal.ts";
import { Presence } from "./presence.ts";
import type { AttachedJob, JobOutput, UsedJob } from "./runningJobs.ts";

export interface RunnerDeps {
  runtimes: (name: RuntimeName) => Runtime;
  journal: Journal;
  clock: Clock;
  /** Whether an earlier process of the agent ran since the host was started. */
  isSameBoot: boolean;
  log: Logger;
  /** Folder of the jobs' folders. */
  jobsDir: string;
  report: (report: Report) => void;
  fetchBlob: FetchBlob;
  /** Checks a repository out into a folder of the job. */
  prepareRepo: (repo: AssignedRepo, where: { dir: string; signal: AbortSignal }) => Promise<PreparedRepo>;
  uploadLog: (spool: LogSource) => LogUpload;
  /** Sends what is left of what the agent has to say about a job that is to be forgotten. */
  flushAgentLog: (submissionId: string) => Promise<void>;
  /** A job that ends when its host is silent is there: somebody must end it where the agent cannot. */
  keepFence?: () => void;
  /** A command runs that did not before. */
  onRunning?: () => void;
  /** The command of an earlier process of the agent runs: of such a job more is held than was told so far. */
  onAdopted?: () => void;
  /** For how long users could have come to this host, in milliseconds. */
  reachableMs?: () => number;
}

/** Interrupt to kill for a job that has run its longest (docs/spec/agent.md §2.13). */
const MAX_DURATION_GRACE_MS = 10_000;
/** Pull progress is for people: more often is of no use to them. */
const PROGRESS_MS = 500;

/** A journal on a full disk cannot be written; without it the end of a job must not be told. */
const RETRY_MS = 5_000;

/** Why the agent ends a job, where that is not the command's own doing. */
type StopReason = "terminated_by_user" | "terminated_by_server" | "max_duration_exceeded";

/** One submission on this host, from its assignment until the coordinator has no more use for it. */
export class JobRunner {
  readonly id: string;
  readonly #deps: RunnerDeps;
  readonly #runtime: Runtime;
  readonly #entry: JournalEntry;
  readonly #job: RuntimeJob;
  readonly #log: Logger;
  readonly #upload: LogUpload;
  /** Aborted: what is being prepared is given up. */
  readonly #preparing = new AbortController();
  /** Aborted: this process has no more to do with the job, which may go on. */
  readonly #detached = new AbortController();
  /** Aborted: the command has ended, or this process has let go of it. */
  readonly #over = new AbortController();
  readonly #onGrown = new Set<() => void>();
  readonly #live: Promise<void>;
  #running: RunningJob | undefined;
  #presence: Presence | undefined;
  #stop: { reason: StopReason; graceMs: number } | undefined;
  #cancelTimers: (() => void)[] = [];
  #progressAt = 0;
  /** What is still to be told of a pull, since too little time has passed. */
  #lateProgress: { progress: PullProgress | undefined } | undefined;
  #finishedSequence: number | undefined;

  /** `isKnown`: an earlier process of the agent has had it, so it may run already, or be over. */
  constructor(deps: RunnerDeps, entry: JournalEntry, isKnown: boolean) {
    const { assignment } = entry;
    this.id = assignment.submission_id;
    this.#deps = deps;
    this.#runtime = deps.runtimes(assignment.runtime);
    this.#entry = { ...entry };
    this.#log = deps.log.child({ submission_id: this.id, run: assignment.run_name });
    const dir = join(deps.jobsDir, this.id);
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const archives: UnpackedArchive[] = [];
    this.#job = { assignment, dir, spoolPath: join(dir, "spool"), archives };
    const source = { submissionId: this.id, spoolPath: this.#job.spoolPath, isResumed: isKnown };
    this.#upload = deps.uploadLog({ ...source, signal: this.#detached.signal });
    this.#watchClaim();
    this.#live = this.#run(isKnown, archives);
  }

  get held(): HeldSubmission {
    const { state } = this.#entry;
    const idle = state === "running" && this.#presence ? { idle_ms: this.#presence.idleMs } : {};
    return { submission_id: this.id, state, ...idle };
  }

  get entry(): Readonly<JournalEntry> {
    return this.#entry;
  }

  /** Settles when the job is over and that is written down, or this process has let go of it. */
  get over(): Promise<void> {
    return this.#live;
  }

  /** Set while the command runs: which devices it has, and where to read what it uses. */
  get used(): UsedJob | undefined {
    const account = this.#running?.account;
    if (!account || this.#entry.state === "finished") return undefined;
    return { submissionId: this.id, gpuIds: this.#job.assignment.gpu_ids, account };
  }

  /** Set while the command runs. */
  get attached(): AttachedJob | undefined {
    const account = this.#running?.account;
    const presence = this.#presence;
    if (!account || !presence || this.#over.signal.aborted) return undefined;
    const { dir, spoolPath } = this.#job;
    const output: JobOutput = {
      spoolPath,
      offsetAt: (at) => this.#upload.offsetAt(at),
      onGrown: (listener) => {
        this.#onGrown.add(listener);
        return () => this.#onGrown.delete(listener);
      },
    };
    const use = () => presence.enter();
    return { dir, account, shell: this.#running?.shell, output, use, ended: this.#over.signal };
  }

  /** The coordinator knows that this host has the job. */
  confirm(): void {
    this.#entry.isConfirmed = true;
  }

  get isConfirmed(): boolean {
    return this.#entry.isConfirmed;
  }

  /** Asks the job to end, and makes it after the grace; may be repeated with a shorter one. */
  stop(graceMs: number, reason: StopReason = "terminated_by_user"): void {
    if (this.#entry.state === "finished") return;
    const isFirst = !this.#stop;
    this.#stop = {
      reason: this.#stop?.reason ?? reason,
      graceMs: Math.min(graceMs, this.#stop?.graceMs ?? graceMs),
    };
    this.#entry.state = "stopping";
    this.#preparing.abort();
    this.#running?.stop(graceMs);
    if (!isFirst) return;
    this.#log.info("Stopping the job", { reason, grace_ms: graceMs });
    // A full disk must not keep a job from being stopped.
    this.#write("that it is to stop", () => this.#deps.journal.setStopping(this.id));
  }

  /** The coordinator has answered a report. */
  reported(sequence: number): void {
    if (sequence === this.#finishedSequence) this.#upload.close();
  }

  linkIsUp(): void {
    this.#upload.retry();
  }

  /** Ends whatever runs, at once, and removes every trace of the job. */
  async forget(): Promise<void> {
    this.stop(0, "terminated_by_server");
    this.detach();
    await this.#runtime.remove(this.id, this.#job.dir);
    await this.#live;
    // Again, for what the start that was under way has made since.
    await this.#runtime.remove(this.id, this.#job.dir);
    await this.#deps.flushAgentLog(this.id);
    rmSync(this.#job.dir, { recursive: true, force: true });
    this.#deps.journal.remove(this.id);
  }

  /** Lets go of the job without ending it: the agent is about to end. */
  detach(): void {
    this.#detached.abort();
    this.#over.abort("The agent of the job's host is being stopped; the job goes on");
    for (const cancel of this.#cancelTimers) cancel();
  }

  async #run(isKnown: boolean, archives: UnpackedArchive[]): Promise<void> {
    if (this.#entry.end) {
      // Its report may have been answered before the restart: asking for the end of its log does no harm.
      if (!this.#deps.journal.listReports().some((report) => report.submission_id === this.id))
        this.#upload.close();
      else this.#finishedSequence = this.#lastSequence();
      return;
    }
    const end = await this.#execute(isKnown, archives);
    while (!this.#detached.signal.aborted) {
      try {
        this.#finish(end);
        return;
      } catch (err) {
        this.#log.error("Cannot write down the end of a job; trying again", { reason: messageOf(err) });
        await delay(RETRY_MS, this.#detached.signal);
      }
    }
  }

  async #execute(isKnown: boolean, archives: UnpackedArchive[]): Promise<JobEnd> {
    try {
      const running = await this.#start(isKnown, archives);
      this.#running = running;
      const { reachableMs = () => 0 } = this.#deps;
      this.#presence = new Presence({ reachableMs, dir: this.#job.dir, log: this.#log });
      if (this.#stop) running.stop(this.#stop.graceMs);
      this.#noteRunning(running);
      this.#deps.onRunning?.();
      if (isKnown) this.#deps.onAdopted?.();
      const end = await running.ended;
      this.#over.abort("The job has ended");
      return this.#stop ? { ...end, reason: this.#stop.reason } : end;
    } catch (err) {
      if (this.#stop) return { exitStatus: null, reason: this.#stop.reason, message: "" };
      return failureOf(err, this.#log);
    }
  }

  async #start(isKnown: boolean, archives: UnpackedArchive[]): Promise<RunningJob> {
    const { signal } = this.#preparing;
    const hooks = {
      signal,
      onPulling: (progress?: PullProgress) => this.#notePulling(progress),
      onOutput: () => {
        this.#upload.grown();
        for (const listener of this.#onGrown) listener();
      },
    };
    const adopted = isKnown ? await this.#runtime.adopt(this.#job, hooks) : undefined;
    if (adopted) return adopted;
    // How long the host was off nobody knows: by now the job may be another's.
    const { isConfirmed, assignment } = this.#entry;
    if (isKnown && !this.#deps.isSameBoot && (!isConfirmed || assignment.stop_if_silent_ms))
      this.stop(0, "terminated_by_server");
    signal.throwIfAborted();
    const { archives: files, repo } = this.#job.assignment;
    if (files.length > 0 || repo)
      this.#write("that it is being prepared", () => this.#note({ state: "preparing" }));
    const room = { signal, log: this.#log };
    if (repo) {
      const dir = join(this.#job.dir, "repo");
      this.#job.repo = await whenThereIsRoom(room, () => this.#deps.prepareRepo(repo, { dir, signal }));
    }
    if (files.length > 0) archives.push(...(await whenThereIsRoom(room, () => this.#unpack(signal))));
    return this.#runtime.start(this.#job, hooks);
  }

  async #unpack(signal: AbortSignal): Promise<UnpackedArchive[]> {
    const { assignment, dir } = this.#job;
    const root = join(dir, "archives");
    // Left by an earlier process that was killed half way.
    rmSync(root, { recursive: true, force: true });
    const unpacked: UnpackedArchive[] = [];
    try {
      for (const [at, { sha256, path: target }] of assignment.archives.entries()) {
        const archive = await this.#deps.fetchBlob(sha256, signal);
        unpacked.push({ source: await unpackArchive(archive, join(root, String(at)), signal), target });
      }
    } catch (err) {
      rmSync(root, { recursive: true, force: true });
      throw err;
    }
    return unpacked;
  }

  #notePulling(progress: PullProgress | undefined): void {
    const now = this.#deps.clock.now();
    if (this.#detached.signal.aborted) return;
    const waitMs = this.#progressAt + PROGRESS_MS - now;
    if (this.#entry.state !== "preparing" && waitMs > 0) {
      // There may be no further news for long.
      if (!this.#lateProgress) this.#after(waitMs, () => this.#noteLateProgress());
      this.#lateProgress = { progress };
      return;
    }
    this.#lateProgress = undefined;
    this.#progressAt = now;
    this.#write("that it pulls", () => this.#note({ state: "pulling", progress: progress ?? null }));
  }

  #noteLateProgress(): void {
    const late = this.#lateProgress;
    this.#lateProgress = undefined;
    if (late && this.#entry.state === "pulling") this.#notePulling(late.progress);
  }

  #noteRunning(running: RunningJob): void {
    const isFirst = this.#entry.startedAt === null;
    this.#entry.startedAt ??= this.#deps.clock.steady();
    const startedAt = this.#entry.startedAt;
    if (isFirst) {
      const { runtimeId, workingDir, username } = running;
      const fact = { state: "running", runtime_id: runtimeId, working_dir: workingDir, username } as const;
      this.#tellRunning(fact, startedAt);
      this.#log.info("The job runs", { runtime: this.#runtime.name, runtime_id: runtimeId });
    } else if (this.#entry.state !== "stopping") this.#entry.state = "running";
    const { max_duration_s: maxDuration } = this.#job.assignment;
    if (!maxDuration) return;
    const end = () => this.stop(MAX_DURATION_GRACE_MS, "max_duration_exceeded");
    const leftMs = startedAt + maxDuration * 1000 - this.#deps.clock.steady();
    if (leftMs <= 0) end();
    else this.#after(leftMs, end);
  }

  /** What runs is to be told of, however long the disk is full. */
  #tellRunning(fact: Report["fact"], startedAt: number): void {
    if (this.#entry.end || this.#detached.signal.aborted) return;
    if (!this.#write("that it runs", () => this.#note(fact, { startedAt })))
      this.#after(RETRY_MS, () => this.#tellRunning(fact, startedAt));
  }

  /** Writes to the journal what the job does not depend on; answers whether it could. */
  #write(what: string, write: () => void): boolean {
    try {
      write();
      return true;
    } catch (err) {
      this.#log.warn("Cannot write of a job to the journal", { what, reason: messageOf(err) });
      return false;
    }
  }

  #finish(end: JobEnd): void {
    const { exitStatus: exit_status, signal, reason, message } = end;
    for (const cancel of this.#cancelTimers) cancel();
    const log_bytes = statSync(this.#job.spoolPath, { throwIfNoEntry: false })?.size ?? 0;
    const cut = message.slice(0, 4000);
    const fact = { state: "finished", reason, message: cut, exit_status, signal, log_bytes } as const;
    this.#finishedSequence = this.#note(fact, { end });
    const level = reason === "done_by_runner" || this.#stop ? "info" : "warn";
    this.#log[level]("The job has ended", { reason, exit_status, ...(signal ? { signal } : {}), why: cut });
  }

  /** Writes a fact down, then sends it; returns its sequence. */
  #note(fact: Report["fact"], facts: { startedAt?: number; end?: JobEnd } = {}): number {
    const at = this.#deps.clock.now();
    const report = this.#deps.journal.note(this.id, fact, { at, ...facts });
    if (this.#entry.state !== "stopping" || fact.state === "finished") this.#entry.state = fact.state;
    if (facts.end) this.#entry.end = facts.end;
    this.#deps.report(report);
    return report.sequence;
  }

  #lastSequence(): number | undefined {
    return this.#deps.journal.listReports().findLast((report) => report.submission_id === this.id)?.sequence;
  }

  /** Unconfirmed for too long, the job may be another host's by now (shared/protocol/assignment.ts). */
  #watchClaim(): void {
    if (this.#entry.isConfirmed || this.#entry.state === "finished") return;
    const leftMs = this.#entry.receivedAt + this.#entry.assignment.claim_lease_ms - this.#deps.clock.steady();
    this.#after(leftMs, () => {
      if (!this.#entry.isConfirmed) this.stop(0, "terminated_by_server");
    });
  }

  #after(ms: number, fire: () => void): void {
    this.#cancelTimers.push(this.#deps.clock.after(ms, fire));
  }
}

const failureOf = (err: unknown, log: Logger): JobEnd => {
  if (!(err instanceof AppError)) log.error("The job could not be started", { err });
  const reason = err instanceof StartError ? err.reason : "creating_container_error";
  const hint = err instanceof AppError && err.hint ? `. ${err.hint}` : "";
  return { exitStatus: null, reason, message: `${messageOf(err)}${hint}` };
};
