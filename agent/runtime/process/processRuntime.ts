import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { delay } from "../../../shared/async/delay.ts";
import { systemClock } from "../../../shared/clock.ts";
import type { Logger } from "../../../shared/log.ts";
import { outOfMemory } from "../outOfMemory.ts";
import { REBOOTED } from "../rebooted.ts";
import { noRoom, whenThereIsRoom } from "../room.ts";
import {
  type JobAccount,
  type JobEnd,
  type Runtime,
  type RuntimeHooks,
  type RuntimeJob,
  StartError,
} from "../runtime.ts";
import type { JobShell } from "../shell.ts";
import { type Cgroups, removeCgroups } from "./cgroups.ts";
import { type HostFacts, prepareCommand } from "./command.ts";
import { endSupervisor, killLeft } from "./endSupervisor.ts";
import type { FromSupervisor } from "./messages.ts";
import { bootId, isRecordAlive } from "./procfs.ts";
import { type ExitRecord, findExit, findSupervisor } from "./records.ts";
import { createProcessShell } from "./shell.ts";
import type { Supervisor, Supervisors } from "./supervisors.ts";
import { hadShells, keepSurroundings } from "./surroundings.ts";
import { resolveUser } from "./user.ts";

export interface ProcessRuntimeDeps {
  supervisors: Supervisors;
  cgroups: Cgroups;
  host: HostFacts;
  /** How this very program is started again, without arguments. */
  self: readonly string[];
  log: Logger;
}

/** How often a supervisor that does not dial in is looked after. */
const LOOK_MS = 250;

/** Jobs as plain processes of this host, each under a supervisor of its own (supervise.ts). */
export const createProcessRuntime = (deps: ProcessRuntimeDeps): Runtime => ({
  name: "process",
  start: async (job, hooks) => {
    const { spec, user } = prepareCommand(job, deps.host);
    const { submission_id: id, cpus, memory_mib: memoryMib } = job.assignment;
    return whenThereIsRoom({ signal: hooks.signal, log: deps.log.child({ submission_id: id }) }, async () => {
      const supervisor = await deps.supervisors.take(hooks.signal);
      const cgroups = deps.cgroups.create(id, { cpus, memoryMib });
      const started = Promise.withResolvers<number | undefined>();
      const ended = follow(deps, job, { supervisor, hooks, onAnswer: started });
      keepSurroundings(job.dir, { env: spec.env, cwd: spec.cwd });
      supervisor.send({ type: "run", spec: { ...spec, cgroups } });
      const pid = await started.promise;
      return {
        runtimeId: String(pid ?? supervisor.pid),
        workingDir: spec.cwd,
        username: user.name,
        ended: ended.promise,
        stop: ended.stop,
        account: accountOf(supervisor.pid, cgroups),
        shell: shellOf(deps, job),
      };
    });
  },
  adopt: async (job, hooks) => {
    const record = findSupervisor(job.dir);
    if (!record) return undefined;
    const user = resolveUser(job.assignment.user, deps.host.own);
    const ended = follow(deps, job, { hooks });
    return {
      runtimeId: String(record.pid),
      username: user.name,
      ended: ended.promise,
      stop: ended.stop,
      account: accountOf(record.pid, deps.cgroups.find(job.assignment.submission_id)),
      shell: shellOf(deps, job),
    };
  },
  remove: async (submissionId, dir) => {
    await endSupervisor(deps, submissionId, dir);
    // What a shell has left behind is below no supervisor.
    if (hadShells(dir)) await killLeft(deps, submissionId);
    removeCgroups(deps.cgroups.find(submissionId));
    for (const name of readFolder(dir)) {
      if (name !== SPOOL) rmSync(join(dir, name), { recursive: true, force: true });
    }
  },
});

const accountOf = (supervisor: number, cgroups: readonly string[]): JobAccount => {
  // Of the second version, and with the controllers that count.
  const cgroup = cgroups.find((folder) => existsSync(join(folder, "memory.current")));
  return {
    pid: () => Promise.resolve(supervisor),
    hasNetwork: false,
    ...(cgroup === undefined ? {} : { cgroup }),
  };
};

const shellOf = ({ host, cgroups, self }: ProcessRuntimeDeps, { dir, assignment }: RuntimeJob): JobShell =>
  createProcessShell({
    user: assignment.user,
    own: host.own,
    dir,
    self,
    cgroups: () => cgroups.find(assignment.submission_id),
  });

const SPOOL = "spool";

const readFolder = (dir: string): string[] => {
  try {
    return readdirSync(dir);
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw err;
  }
};

interface Following {
  hooks: RuntimeHooks;
  /** Just taken, about to be told to run the job; without one it is awaited. */
  supervisor?: Supervisor;
  onAnswer?: { resolve(pid: number | undefined): void; reject(err: unknown): void };
}

/** Goes with one job to its end, over connections that come and go. */
const follow = (deps: ProcessRuntimeDeps, job: RuntimeJob, { hooks, supervisor, onAnswer }: Following) => {
  const { submission_id: submissionId } = job.assignment;
  const { promise, resolve } = Promise.withResolvers<JobEnd>();
  let current: Supervisor | undefined;
  let isRefused = false;
  let stopAt: number | undefined;
  const settle = (record: ExitRecord | undefined): boolean => {
    if (!record) return false;
    hooks.onOutput();
    resolve(endOf(record, job.assignment.memory_mib));
    onAnswer?.resolve(undefined);
    return true;
  };
  const onMessage = (message: FromSupervisor) => {
    if (message.type === "output") hooks.onOutput();
    if (message.type === "started") onAnswer?.resolve(message.pid);
    if (message.type === "ended") settle(findExit(job.dir));
    if (message.type !== "refused") return;
    // An earlier agent handed the job to another supervisor a moment before it was killed: that one has it.
    if (message.isTaken) return onAnswer?.resolve(undefined);
    isRefused = true;
    const why = `Cannot start the command: ${message.message}`;
    onAnswer?.reject(message.isFull ? noRoom(why) : new StartError("container_exited_with_error", why));
  };
  const attach = (next: Supervisor) => {
    current = next;
    // Whatever a supervisor that refused leaves behind is the next attempt's.
    const onClose = () => (isRefused ? undefined : void awaitSupervisor());
    next.listen({ onMessage, onClose });
    if (stopAt !== undefined)
      next.send({ type: "stop", graceMs: Math.max(0, stopAt - systemClock.steady()) });
    hooks.onOutput();
  };
  /** Until the supervisor dials in again, has left a record of the end, or is found dead. */
  const awaitSupervisor = async () => {
    current = undefined;
    if (settle(findExit(job.dir))) return;
    const giveUp = deps.supervisors.expect(submissionId, attach);
    while (!current) {
      const record = findSupervisor(job.dir);
      const isAlive = record !== undefined && isRecordAlive(record);
      // Its last act is the record of the end, so that is looked for after its death.
      if (settle(findExit(job.dir))) break;
      if (!isAlive) {
        await killLeft(deps, submissionId);
        const isReboot = record !== undefined && record.bootId !== "" && record.bootId !== bootId();
        settle({ code: null, signal: null, failure: isReboot ? REBOOTED : LOST });
        break;
      }
      await delay(LOOK_MS);
    }
    if (!current) giveUp();
  };
  if (supervisor) attach(supervisor);
  else void awaitSupervisor();
  return {
    promise,
    stop: (graceMs: number) => {
      const at = systemClock.steady() + graceMs;
      if (stopAt !== undefined && stopAt <= at) return;
      stopAt = at;
      current?.send({ type: "stop", graceMs });
    },
  };
};

const LOST = "The process that supervised the job was killed";

const endOf = (
  { code, signal: name, failure, oomKills = 0 }: ExitRecord,
  memoryMib: number | null | undefined,
): JobEnd => {
  const why = oomKills > 0 ? outOfMemory(memoryMib) : "";
  // Nobody asked for it: the coordinator takes it as the loss of a host, and retries what is retried then.
  if (failure === REBOOTED) return { exitStatus: null, reason: "terminated_by_server", message: failure };
  if (failure !== undefined)
    return {
      exitStatus: null,
      reason: failure === LOST ? "executor_error" : "container_exited_with_error",
      message: failure,
    };
  if (name !== null)
    return {
      exitStatus: -1,
      signal: name,
      reason: "container_exited_with_error",
      message: why || `The command was ended by the signal ${name}`,
    };
  if (code === 0) return { exitStatus: 0, reason: "done_by_runner", message: "" };
  return { exitStatus: code, reason: "container_exited_with_error", message: why };
};
