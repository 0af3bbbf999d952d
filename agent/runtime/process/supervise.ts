import { chownSync } from "node:fs";
import { dirname } from "node:path";
import { systemClock } from "../../../shared/clock.ts";
import { messageOf } from "../../../shared/errors.ts";
import { embedAlsoIn } from "../../../shared/native/embedded.ts";
import { SpoolWriter } from "../../jobs/spool.ts";
import { hasNoRoom } from "../room.ts";
import { countOomKills, enterCgroups, killCgroups, processesIn } from "./jobCgroup.ts";
import { killAll, signal } from "./kill.ts";
import { LineReader, LineWriter } from "./lines.ts";
import type { CommandSpec, FromSupervisor, ToSupervisor } from "./messages.ts";
import { descendantsOf, foregroundGroup, ownRecord, processesWith } from "./procfs.ts";
import { loadPty, type PtyCommand } from "./pty.ts";
import { becomeReaper } from "./reaper.ts";
import { claimFolder, type ExitRecord, writeExit } from "./records.ts";

/** How soon a supervisor whose agent is gone looks for the next one. */
const REDIAL_MS = 500;
/** Orphans that have ended are taken away this often. */
const REAP_MS = 10_000;
/** Output is told at once, then at most this often: the agent reads all there is each time. */
const NOTIFY_MS = 5;
/** How soon a record that could not be written is tried again. */
const RECORD_RETRY_MS = 500;
/** A shell loses an interrupt that comes while it starts (dash 0.5 does), and would then run into the kill. */
const SHELL_START_MS = 100;

/**
 * The process that stands between the agent and one job: it owns the job's terminal, so that the job outlives the
 * agent. It dials the agent's socket and waits for a command, runs it, leaves a record of its end and goes.
 * Without a command it goes with its agent.
 */
export const supervise = (socketPath: string): void => {
  embedAlsoIn(dirname(socketPath));
  const supervisor = new Supervisor(socketPath);
  // For no other signal: a handler would swallow, between fork and exec, what is meant for the command.
  process.on("SIGTERM", () => supervisor.end());
  supervisor.dial();
};

interface Running {
  command: PtyCommand;
  spool: SpoolWriter;
}

class Supervisor {
  readonly #socketPath: string;
  readonly #openPty = loadPty();
  readonly #reap = becomeReaper();
  #agent: LineWriter | undefined;
  #spec: CommandSpec | undefined;
  #command: PtyCommand | undefined;
  #startedAt = 0;
  #kill: { at: number; cancel: () => void } | undefined;
  #quietUntil: Timer | undefined;
  #hasMore = false;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  dial(): void {
    const reader = new LineReader();
    const lost = () => {
      this.#agent = undefined;
      if (!this.#spec) process.exit(0);
      setTimeout(() => this.dial(), REDIAL_MS);
    };
    Bun.connect({
      unix: this.#socketPath,
      socket: {
        open: (socket) => {
          this.#agent = new LineWriter(socket);
          const submissionId = this.#spec?.submissionId;
          this.#tell({ type: "hello", pid: process.pid, ...(submissionId ? { submissionId } : {}) });
        },
        data: (_, bytes) => {
          for (const message of reader.push(bytes)) this.#obey(message as ToSupervisor);
        },
        drain: () => this.#agent?.drain(),
        close: lost,
        // Reported by the promise below.
        connectError: () => {},
      },
    }).catch(lost);
  }

  /** Told to go (the agent is being uninstalled, or removes the job): the job ends with it. */
  end(): void {
    if (this.#command) this.#stop(0);
    else process.exit(0);
  }

  #tell(message: FromSupervisor): void {
    this.#agent?.send(message);
  }

  #obey(message: ToSupervisor): void {
    if (message.type === "stop") this.#stop(message.graceMs);
    else if (!this.#spec) this.#run(message.spec);
  }

  #run(spec: CommandSpec): void {
    const spool = this.#take(spec);
    if (!spool) return;
    this.#spec = spec;
    try {
      const [file, ...args] = spec.argv;
      if (file === undefined) throw new Error("The command is empty");
      const command = this.#openPty({
        argv: [file, ...args],
        env: spec.env,
        cwd: spec.cwd,
        onData: (bytes) => {
          const waiting = spool.append(bytes);
          this.#tellOutput();
          return waiting;
        },
      });
      this.#command = command;
      if (spec.terminalOwner) chownSync(command.terminal, spec.terminalOwner.uid, spec.terminalOwner.gid);
      enterCgroups(spec.cgroups ?? [], () => [command.pid, ...descendantsOf(command.pid)]);
      this.#startedAt = systemClock.steady();
      this.#tell({ type: "started", pid: command.pid });
      const reaping = setInterval(() => this.#reap?.(command.pid), REAP_MS);
      void this.#finish(spec, { command, spool }).finally(() => clearInterval(reaping));
    } catch (err) {
      void this.#fail(spec, messageOf(err));
    }
  }

  /** Claims the job, and opens the file of its output; undefined: it is another's, or there is no room. */
  #take(spec: CommandSpec): SpoolWriter | undefined {
    let spool: SpoolWriter | undefined;
    try {
      // Before the claim: without a place for its output a job must not be taken.
      spool = new SpoolWriter(spec.spoolPath, { perHour: spec.logQuotaHour });
      if (claimFolder(spec.dir, ownRecord())) return spool;
      this.#refuse("Another process runs this job", { isTaken: true });
    } catch (err) {
      this.#refuse(messageOf(err), { isFull: hasNoRoom(err) });
    }
    spool?.close();
    return undefined;
  }

  #refuse(message: string, { isTaken = false, isFull = false } = {}): void {
    this.#tell({ type: "refused", message, isTaken, ...(isFull ? { isFull } : {}) });
    this.#leave();
  }

  /** A command that runs already where it could not be given what is its own must not go on without bounds. */
  async #fail(spec: CommandSpec, failure: string): Promise<void> {
    if (this.#command) await this.#killJob(spec);
    await leaveRecord(spec.dir, { code: null, signal: null, failure });
    this.#refuse(failure);
  }

  /** The job is its command: what else it has started ends with it, as in a container. */
  async #finish(spec: CommandSpec, { command, spool }: Running): Promise<void> {
    const { code, signal: name } = await command.exited;
    await this.#killJob(spec);
    // What waits for room keeps the rest from being read.
    await spool.settled();
    await command.drained();
    await spool.end();
    const oomKills = countOomKills(spec.cgroups ?? []);
    await leaveRecord(spec.dir, { code, signal: name, ...(oomKills > 0 ? { oomKills } : {}) });
    this.#tell({ type: "ended" });
    this.#leave();
  }

  async #killJob(spec: CommandSpec): Promise<void> {
    killCgroups(spec.cgroups ?? []);
    await killAll(() => this.#listJob(spec));
  }

  #listJob(spec: CommandSpec): number[] {
    const grouped = processesIn(spec.cgroups ?? []);
    if (this.#reap) return [...grouped, ...descendantsOf(process.pid)];
    const marked = processesWith("DSTACK_JOB_ID", spec.submissionId);
    return [...grouped, ...marked].filter((pid) => pid !== process.pid);
  }

  #tellOutput(): void {
    if (this.#quietUntil !== undefined) {
      this.#hasMore = true;
      return;
    }
    this.#tell({ type: "output" });
    this.#quietUntil = setTimeout(() => {
      this.#quietUntil = undefined;
      if (!this.#hasMore) return;
      this.#hasMore = false;
      this.#tellOutput();
    }, NOTIFY_MS);
  }

  #stop(graceMs: number): void {
    const [command, spec, at] = [this.#command, this.#spec, systemClock.steady() + graceMs];
    if (!command || !spec || (this.#kill && this.#kill.at <= at)) return;
    if (!this.#kill && graceMs > 0)
      systemClock.after(this.#startedAt + SHELL_START_MS - systemClock.steady(), () =>
        interrupt(command.pid),
      );
    this.#kill?.cancel();
    this.#kill = { at, cancel: systemClock.after(graceMs, () => void this.#killJob(spec)) };
  }

  /** The last words must be out before the process goes; a full socket's are in the records anyway. */
  #leave(): void {
    setImmediate(() => process.exit(0));
  }
}

/** The end of a job is not lost to a full disk: it is written as soon as there is room. */
const leaveRecord = async (dir: string, record: ExitRecord): Promise<void> => {
  for (;;) {
    try {
      return writeExit(dir, record);
    } catch {
      // There is nowhere to say it: this process has no log of its own.
      await Bun.sleep(RECORD_RETRY_MS);
    }
  }
};

/** As a Ctrl-C on the terminal; a command that has not got as far as having one is alone. */
const interrupt = (pid: number): void => {
  const group = foregroundGroup(pid);
  signal(group === undefined ? pid : -group, "SIGINT");
};
