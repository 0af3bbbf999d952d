import { appendFileSync, utimesSync } from "node:fs";
import {
  type JobEnd,
  type RunningJob,
  type Runtime,
  type RuntimeHooks,
  type RuntimeJob,
  StartError,
} from "../../agent/runtime/runtime.ts";
import type { Execution, Ledger } from "./ledger.ts";
import type { Life, World } from "./world.ts";

const KILLED: JobEnd = {
  exitStatus: -1,
  signal: "SIGKILL",
  reason: "container_exited_with_error",
  message: "",
};

/** A command that runs on a host, whether or not an agent looks after it. */
interface Command {
  execution: Execution;
  spoolPath: string;
  /** What this process of the agent wants to know. */
  watcher: { life: Life; hooks: RuntimeHooks; ended: (end: JobEnd) => void } | undefined;
  ignoresInterrupt: boolean;
  killAt: number;
}

export interface Commands {
  world: World;
  ledger: Ledger;
  host: string;
  /** Whether the agent does not know of some job yet that it is this host's. */
  isInDoubt: () => boolean;
}

/** The commands of one host. They go on when their agent is killed, and end when the host is switched off. */
export class HostCommands {
  readonly #deps: Commands;
  readonly #commands = new Map<string, Command>();

  constructor(deps: Commands) {
    this.#deps = deps;
  }

  get count(): number {
    return this.#commands.size;
  }

  /** As the fence does it (agent/fence). */
  kill(submissionId: string): void {
    const command = this.#commands.get(submissionId);
    if (command) this.#finish(command, KILLED);
  }

  switchOff(): void {
    for (const command of this.#commands.values()) {
      command.watcher = undefined;
      command.execution.isCutOff ||= command.execution.end === undefined;
      this.#finish(command, KILLED);
    }
  }

  /** What a process of the agent uses; with its life ends its interest, not the commands. */
  runtimeFor(life: Life): Runtime {
    const { world } = this.#deps;
    return {
      name: "process",
      start: async (job, hooks) => {
        const { random } = world;
        if (random.chance(0.3)) hooks.onPulling();
        await this.#prepare(random.skewed(0, 30_000), hooks.signal);
        if (random.chance(0.04)) {
          this.#deps.ledger.failedToStart(job.assignment.submission_id);
          throw new StartError("creating_container_error", "No such image");
        }
        const command = this.#begin(job);
        await world.pause(random.skewed(0, 200));
        return this.#watch(command, life, hooks);
      },
      adopt: async (job, hooks) => {
        await world.pause(world.random.skewed(0, 1_000));
        const command = this.#commands.get(job.assignment.submission_id);
        return command && this.#watch(command, life, hooks);
      },
      remove: async (id) => {
        await world.pause(world.random.skewed(0, 500));
        const command = this.#commands.get(id);
        if (command) this.#finish(command, KILLED);
        this.#commands.delete(id);
      },
    };
  }

  async #prepare(ms: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => resolve(), { once: true });
    await Promise.race([this.#deps.world.pause(ms), promise]);
    signal.throwIfAborted();
  }

  #begin({ assignment, spoolPath }: RuntimeJob): Command {
    const { world, ledger, host } = this.#deps;
    const { random } = world;
    const isEndless = random.chance(0.25);
    const command: Command = {
      execution: ledger.begin(assignment, host, isEndless),
      spoolPath,
      watcher: undefined,
      ignoresInterrupt: random.chance(0.3),
      killAt: Number.POSITIVE_INFINITY,
    };
    this.#commands.set(assignment.submission_id, command);
    world.note(`${host} runs ${assignment.run_name} ${assignment.submission_id}`);
    for (let left = random.below(4); left > 0; left--)
      world.after(random.skewed(0, 60_000), () => this.#write(command), NOBODY);
    if (!isEndless) {
      const exitStatus = random.chance(0.75) ? 0 : 1 + random.below(3);
      const reason = exitStatus === 0 ? "done_by_runner" : "container_exited_with_error";
      const end = { exitStatus, reason, message: "" } as const;
      world.after(random.skewed(0, 600_000), () => this.#finish(command, end), NOBODY);
    }
    return command;
  }

  #watch(command: Command, life: Life, hooks: RuntimeHooks): RunningJob {
    const { promise, resolve } = Promise.withResolvers<JobEnd>();
    command.watcher = { life, hooks, ended: resolve };
    if (command.execution.end) resolve(command.execution.end);
    return {
      runtimeId: command.execution.submissionId,
      ended: promise,
      stop: (ms) => this.#stop(command, ms),
    };
  }

  #stop(command: Command, graceMs: number): void {
    const { world } = this.#deps;
    command.execution.graces.push(graceMs);
    command.execution.isDoubtful ||= this.#deps.isInDoubt();
    if (!command.ignoresInterrupt) {
      const end = { exitStatus: 130, reason: "container_exited_with_error", message: "" } as const;
      world.after(world.random.skewed(0, 2_000), () => this.#finish(command, end), NOBODY);
    }
    world.after(graceMs, () => this.#finish(command, KILLED), NOBODY);
  }

  #write(command: Command): void {
    const { execution, spoolPath, watcher } = command;
    if (execution.end) return;
    const bytes = Buffer.from(
      `${this.#deps.world.random.uuid()}\r\n`.repeat(1 + this.#deps.world.random.below(20)),
    );
    execution.output = Buffer.concat([execution.output, bytes]);
    appendFileSync(spoolPath, bytes);
    // The agent reads when it was written.
    utimesSync(spoolPath, this.#deps.world.now / 1000, this.#deps.world.now / 1000);
    if (watcher?.life.alive) this.#deps.world.within(watcher.life, () => watcher.hooks.onOutput());
  }

  #finish(command: Command, end: JobEnd): void {
    const { execution, watcher } = command;
    if (execution.end) return;
    if (this.#deps.world.random.chance(0.7)) this.#write(command);
    execution.end = end;
    this.#deps.world.note(`${this.#deps.host} ends ${execution.submissionId} with ${end.exitStatus}`);
    if (watcher?.life.alive) watcher.ended(end);
  }
}

/** Commands belong to no process of ours. */
const NOBODY: Life = { name: "commands", alive: true, machine: { skewMs: 0 } };
