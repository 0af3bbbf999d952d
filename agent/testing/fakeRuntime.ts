import { writeFileSync } from "node:fs";
import type { JobEnd, RunningJob, Runtime, RuntimeHooks, RuntimeJob } from "../runtime/runtime.ts";

/** A job of {@link FakeRuntime}, to be steered by a test. */
export interface FakeJob {
  job: RuntimeJob;
  hooks: RuntimeHooks;
  stops: number[];
  /** The start is done; until then it is being prepared. */
  run(): void;
  fail(err: Error): void;
  print(text: string): void;
  end(end?: Partial<JobEnd>): void;
}

/** A runtime whose jobs do what a test says. */
export class FakeRuntime implements Runtime {
  readonly name = "process";
  readonly jobs: FakeJob[] = [];
  readonly removed: string[] = [];
  /** How many removals are to fail, as when the engine is away. */
  failingRemovals = 0;
  /** What runs already when the agent comes back. */
  adoptable = false;

  start(job: RuntimeJob, hooks: RuntimeHooks): Promise<RunningJob> {
    const started = Promise.withResolvers<RunningJob>();
    const ended = Promise.withResolvers<JobEnd>();
    const stops: number[] = [];
    const running: RunningJob = {
      runtimeId: "1",
      workingDir: "/work",
      username: "me",
      ended: ended.promise,
      stop: (graceMs) => stops.push(graceMs),
    };
    hooks.signal.addEventListener("abort", () => started.reject(new Error("aborted")), { once: true });
    this.jobs.push({
      job,
      hooks,
      stops,
      run: () => started.resolve(running),
      fail: (err) => started.reject(err),
      print: (text) => {
        writeFileSync(job.spoolPath, text, { flag: "a" });
        hooks.onOutput();
      },
      end: (end = {}) => ended.resolve({ exitStatus: 0, reason: "done_by_runner", message: "", ...end }),
    });
    return started.promise;
  }

  async adopt(job: RuntimeJob, hooks: RuntimeHooks): Promise<RunningJob | undefined> {
    if (!this.adoptable) return undefined;
    const running = this.start(job, hooks);
    this.jobs.at(-1)?.run();
    return running;
  }

  async remove(submissionId: string): Promise<void> {
    if (this.failingRemovals-- > 0) throw new Error("The engine is away");
    this.removed.push(submissionId);
    this.jobs.find((one) => one.job.assignment.submission_id === submissionId)?.end({ exitStatus: -1 });
  }
}
