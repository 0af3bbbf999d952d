import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../shared/errors.ts";
import type { Assignment } from "../../shared/protocol/assignment.ts";
import type { Report, ReportAnswer } from "../../shared/protocol/report.ts";
import type { Desired, HeldSubmission } from "../../shared/protocol/sync.ts";
import { writeLimit } from "../fence/overdueJobs.ts";
import type { JournalEntry } from "./journal.ts";
import { reconcile } from "./reconcile.ts";
import { JobRunner, type RunnerDeps } from "./runner.ts";
import type { AttachedJob, UsedJob } from "./runningJobs.ts";
import { Silence } from "./silence.ts";

interface Answered {
  named: readonly HeldSubmission[];
  receivedAt: number;
}

/** How long after a removal that failed it is tried again. */
const FORGET_RETRY_MS = 2_000;

/** All submissions on this host. */
export class Jobs {
  readonly #deps: RunnerDeps;
  readonly #runners = new Map<string, JobRunner>();
  readonly #forgetting = new Map<string, Promise<void>>();
  readonly #retries = new Set<() => void>();
  /** Of those being forgotten, the ones that were not over: they have the host until they are gone. */
  readonly #ending = new Set<string>();
  /** Assignments that wait for that, with when they came. */
  #waiting: { assignment: Assignment; receivedAt: number }[] = [];
  /** Confirmed, and not yet written down so: the disk was full. */
  readonly #unwritten = new Set<string>();
  /** Stops of what never came here, answered already. */
  readonly #declined = new Set<string>();
  readonly #silence: Silence;

  constructor(deps: RunnerDeps) {
    this.#deps = deps;
    this.#silence = new Silence({
      clock: deps.clock,
      log: deps.log,
      path: join(deps.jobsDir, "..", "answered"),
      isSameBoot: deps.isSameBoot,
      onSilence: (id) => this.#runners.get(id)?.stop(0, "terminated_by_server"),
      onWatch: (id, limitMs) => this.#fence(id, limitMs),
    });
    mkdirSync(deps.jobsDir, { recursive: true, mode: 0o700 });
  }

  /** Takes up what an earlier process of the agent left, and clears away what the journal does not know. */
  async adopt(): Promise<void> {
    for (const entry of this.#deps.journal.list()) {
      const runner = new JobRunner(this.#deps, entry, true);
      this.#runners.set(runner.id, runner);
      this.#silence.watch(entry.assignment);
    }
    for (const id of readdirSync(this.#deps.jobsDir)) {
      if (this.#runners.has(id)) continue;
      this.#deps.log.warn("Removing a job that the journal does not know", { submission_id: id });
      const dir = join(this.#deps.jobsDir, id);
      for (const name of ["process", "docker"] as const) {
        try {
          await this.#deps.runtimes(name).remove(id, dir);
        } catch (err) {
          this.#deps.log.warn("Cannot remove it from a runtime", {
            submission_id: id,
            name,
            reason: messageOf(err),
          });
        }
      }
      rmSync(dir, { recursive: true, force: true });
    }
  }

  #fence(id: string, limitMs: number): void {
    try {
      writeLimit(join(this.#deps.jobsDir, id), limitMs);
    } catch (err) {
      this.#deps.log.warn("Cannot note how long the host of a job may be silent", {
        submission_id: id,
        reason: messageOf(err),
      });
    }
    this.#deps.keepFence?.();
  }

  /** What is held, for the next sync: jobs that are being removed are still there. */
  held(): HeldSubmission[] {
    return [...this.#runners.values()].map((runner) => runner.held);
  }

  /** The same for people. */
  list(): Readonly<JournalEntry>[] {
    return [...this.#runners.values()].map((runner) => runner.entry);
  }

  /** Kills all jobs; settles when they are over, which the coordinator is yet to be told. */
  async endAll(): Promise<void> {
    this.#waiting = [];
    for (const runner of this.#runners.values()) runner.stop(0, "terminated_by_server");
    await Promise.all([...this.#runners.values()].map((runner) => runner.over));
  }

  /** The jobs whose commands run. */
  used(): UsedJob[] {
    return [...this.#runners.values()].flatMap((runner) => runner.used ?? []);
  }

  /** The job of a submission, while its command runs. */
  attached(id: string): AttachedJob | undefined {
    return this.#runners.get(id)?.attached;
  }

  /**
   * Brings this host to what the coordinator wants. Returns at once; starting and stopping go on by themselves. `named`:
   * what the answered sync held. Of what began after it was sent, the answer may say nothing, which means nothing.
   * `receivedAt`: from when on what it gives counts.
   */
  apply(
    desired: readonly Desired[],
    { named = this.held(), receivedAt = this.#deps.clock.steady() }: Partial<Answered> = {},
  ): void {
    const known = new Set(named.map((held) => held.submission_id));
    // What waited is in this answer too, if it is still wanted.
    this.#waiting = [];
    for (const step of reconcile(this.held(), desired)) {
      if (step.do === "forget" && !known.has(step.id)) continue;
      if (step.do === "start") this.#waiting.push({ assignment: step.assignment, receivedAt });
      else if (step.do === "stop") this.#runners.get(step.id)?.stop(step.graceMs);
      else if (step.do === "decline") this.#decline(step.id);
      else this.forget(step.id);
    }
    this.#startWaiting();
  }

  /** A sync that was sent then has been answered: the coordinator knows that this host was there. */
  answered(sentAt: number): void {
    this.#silence.answered(sentAt);
  }

  /** Whether the coordinator is yet to learn that this host has some job. */
  hasUnconfirmed(): boolean {
    return [...this.#runners.values()].some((runner) => !runner.isConfirmed);
  }

  /** The coordinator has answered something that named these: they are this host's. */
  confirm(ids: readonly string[]): void {
    const fresh = ids.filter((id) => this.#runners.get(id)?.isConfirmed === false);
    if (fresh.length === 0 && this.#unwritten.size === 0) return;
    for (const id of fresh) this.#runners.get(id)?.confirm();
    for (const id of fresh) this.#unwritten.add(id);
    try {
      this.#deps.journal.confirm([...this.#unwritten]);
      this.#unwritten.clear();
    } catch (err) {
      this.#deps.log.warn("Cannot write to the journal what was confirmed", { reason: messageOf(err) });
    }
  }

  reported(report: Report, result: ReportAnswer["results"][number]["result"]): void {
    if (result === "fenced") this.forget(report.submission_id);
    else {
      this.confirm([report.submission_id]);
      this.#runners.get(report.submission_id)?.reported(report.sequence);
    }
  }

  linkIsUp(): void {
    for (const runner of this.#runners.values()) runner.linkIsUp();
  }

  /** Ends and removes a job; until that is done it is still held, so that nothing takes its place too early. */
  forget(id: string): void {
    const runner = this.#runners.get(id);
    if (!runner || this.#forgetting.has(id)) return;
    if (runner.held.state !== "finished") this.#ending.add(id);
    const gone = runner
      .forget()
      .then(() => {
        this.#runners.delete(id);
        this.#silence.unwatch(id);
        if (this.#ending.delete(id)) this.#startWaiting();
      })
      .catch((err: unknown) => {
        // It stays held and is tried again: mostly its engine is away for a moment, and polls are long.
        this.#deps.log.error("Cannot remove a job", { submission_id: id, reason: messageOf(err) });
        this.#retryForget(id);
      })
      .finally(() => this.#forgetting.delete(id));
    this.#forgetting.set(id, gone);
  }

  #retryForget(id: string): void {
    const cancel = this.#deps.clock.after(FORGET_RETRY_MS, () => {
      this.#retries.delete(cancel);
      this.forget(id);
    });
    this.#retries.add(cancel);
  }

  /** Lets go of all jobs, which go on; waits only for removals that have begun. */
  async detach(): Promise<void> {
    this.#silence.close();
    this.#waiting = [];
    for (const cancel of this.#retries) cancel();
    for (const runner of this.#runners.values()) runner.detach();
    await Promise.all(this.#forgetting.values());
  }

  /** It was stopped before its assignment came here; the sooner that is said, the sooner it is over. */
  #decline(id: string): void {
    if (this.#declined.has(id)) return;
    this.#declined.add(id);
    const fact = {
      state: "finished",
      reason: "terminated_by_user",
      message: "",
      exit_status: null,
      log_bytes: 0,
    } as const;
    this.#deps.report({ submission_id: id, sequence: 1, at: this.#deps.clock.now(), fact });
  }

  /** A host that was cut off may hold a job that the coordinator gave up: it must be gone before the next one starts. */
  #startWaiting(): void {
    if (this.#ending.size > 0) return;
    const now = this.#deps.clock.steady();
    for (const { assignment, receivedAt } of this.#waiting.splice(0))
      if (now < receivedAt + assignment.claim_lease_ms) this.#start(assignment, receivedAt);
  }

  #start(assignment: Assignment, receivedAt: number): void {
    if (this.#runners.has(assignment.submission_id)) return;
    const { journal, log } = this.#deps;
    const { submission_id: id } = assignment;
    const dir = join(this.#deps.jobsDir, id);
    try {
      mkdirSync(dir, { recursive: true, mode: 0o700 });
      // Last of what can fail: whatever is in the journal is held, and runs.
      const entry = journal.add(assignment, receivedAt);
      this.#runners.set(id, new JobRunner(this.#deps, entry, false));
      this.#silence.watch(assignment);
    } catch (err) {
      // Without a place on the disk there is no job. Not held, it is offered again, or another host's when its claim is over.
      log.error("Cannot take a job", { submission_id: id, reason: messageOf(err) });
      rmSync(dir, { recursive: true, force: true });
    }
  }
}
