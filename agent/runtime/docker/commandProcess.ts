import { constants } from "node:os";
import type Docker from "dockerode";
import { delay } from "../../../shared/async/delay.ts";
import { readText } from "../../../shared/proc/readText.ts";
import { signalIn, type WatchedProcess, watchProcess } from "../../native/pidfd.ts";
import { childrenOf } from "../process/procfs.ts";

const SIGNALS = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]));

export const signalName = (number: number): string | undefined => SIGNALS.get(number);

/** An init that has just been started has its command after moments. */
const [FORK_TRIES, FORK_EVERY_MS] = [50, 10];

/**
 * The job's command among a container's processes. An engine tells 128+n of a command that a signal ended and of one that
 * exits so; the kernel knows, and tells whoever had a hand on the process. Undefined where it cannot be seen: it has ended
 * by now, it is on another machine. Rejects with what the engine says against it.
 */
export const watchCommand = async (container: Docker.Container): Promise<WatchedProcess | undefined> => {
  const { State, HostConfig } = await container.inspect();
  const { Pid: first } = State;
  // The process ids of an engine on another machine mean nothing here.
  if (!first || !readText(`/proc/${first}/cgroup`)?.includes(container.id)) return undefined;
  if (HostConfig.Init !== true) return watchProcess(first);
  for (let tries = 0; tries < FORK_TRIES; tries++) {
    // Orphans that an init has taken over come behind its own.
    const [command] = childrenOf(first);
    if (command !== undefined) return watchProcess(command);
    if (readText(`/proc/${first}/stat`) === undefined) return undefined;
    await delay(FORK_EVERY_MS);
  }
  return undefined;
};

/** As an init would tell of its end; undefined: it runs, or that is not known. */
export const codeOfCommand = (command: WatchedProcess | undefined): number | undefined => {
  const status = command?.waitStatus();
  if (status === undefined) return undefined;
  return signalIn(status) === 0 ? status >> 8 : 128 + signalIn(status);
};

/** The signal that ended it; undefined: none, or that is not known. */
export const signalOfCommand = (command: WatchedProcess | undefined): string | undefined => {
  const status = command?.waitStatus();
  return status === undefined ? undefined : signalName(signalIn(status));
};
