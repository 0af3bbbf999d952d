import type Docker from "dockerode";
import { delay } from "../../../shared/async/delay.ts";
import { messageOf } from "../../../shared/errors.ts";
import type { Logger } from "../../../shared/log.ts";
import type { Assignment } from "../../../shared/protocol/assignment.ts";
import type { WatchedProcess } from "../../native/pidfd.ts";
import { readKernelLog, tellsOfOomKill } from "../kernelLog.ts";
import type { JobEnd, RunningJob } from "../runtime.ts";
import { isUnreachable, statusOf } from "./client.ts";
import { codeOfCommand, signalOfCommand, watchCommand } from "./commandProcess.ts";
import { jobEnd } from "./jobEnd.ts";
import { copyLog, copyTerminal, type Terminal } from "./output.ts";
import type { Spool } from "./spool.ts";
import { createStopper, type Stopper } from "./stopper.ts";
import { findCode, waitForCode } from "./wait.ts";

export interface WatchOptions {
  container: Docker.Container;
  assignment: Assignment;
  spool: Spool;
  /** Attached before the start; absent: the output is read from the engine's log. */
  terminal?: Terminal;
  /** Aborted by the watch when output need not be waited for any longer: the spool's. */
  giveUp: AbortController;
  log: Logger;
  /** Where a stop that has begun is noted for the agent's next process. */
  stopNotePath: string;
}

const RETRY_MS = 500;
const UNKNOWN_TRIES = 20;
/** How long after the last output the engine may take to tell the exit code; then the connection must have broken. */
const EXIT_LAG_MS = 5_000;

/** From a started container to its end, across restarts of the engine. */
export const watchContainer = (options: WatchOptions): Pick<RunningJob, "ended" | "stop"> => {
  const { container, terminal, spool, giveUp, log, stopNotePath: notePath } = options;
  const over = new AbortController();
  const onKilled = () => giveUp.abort();
  const { path: spoolPath } = spool;
  const stopper = createStopper({
    container,
    terminal,
    spoolPath,
    over: over.signal,
    onKilled,
    log,
    notePath,
  });
  const watch = async (): Promise<JobEnd> => {
    const watching = watchCommand(container).catch((err: unknown) => {
      // The engine's own word is nearly as good.
      log.warn("Cannot watch a job's command", { container: container.id, reason: messageOf(err) });
      return undefined;
    });
    try {
      const exit = waitForExit(container, watching);
      await copyOutput(options, exit);
      const signal = signalOfCommand(await watching);
      return await endOf(options, { ...(await exit), signal }, stopper);
    } catch (err) {
      log.error("A container could not be watched", { container: container.id, error: err });
      return {
        exitStatus: null,
        reason: "executor_error",
        message: `Cannot watch the container: ${messageOf(err)}`,
      };
    } finally {
      over.abort();
      (await watching)?.[Symbol.dispose]();
      terminal?.destroy();
      await spool[Symbol.asyncDispose]();
    }
  };
  return { ended: watch(), stop: stopper.stop };
};

/** `exitCode` undefined: the container is gone, and its exit code with it. */
interface Exit {
  exitCode: number | undefined;
  engineRestarted: boolean;
}

const waitForExit = async (
  container: Docker.Container,
  watching: Promise<WatchedProcess | undefined>,
): Promise<Exit> => {
  let engineRestarted = false;
  for (let unknown = 0; ; ) {
    try {
      const told = await waitForCode(container);
      // Podman says -1 as long as it has not been told itself how a container ended, and that may be for ever.
      const exitCode = told >= 0 ? told : (codeOfCommand(await watching) ?? (await findCode(container)));
      if (exitCode !== undefined) return { exitCode, engineRestarted };
      if (unknown++ === UNKNOWN_TRIES) return { exitCode: told, engineRestarted };
    } catch (err) {
      if (statusOf(err) === 404) return { exitCode: undefined, engineRestarted };
      engineRestarted ||= statusOf(err) === undefined;
    }
    await delay(RETRY_MS);
  }
};

/** A terminal of a container that has exited says nothing for so long: it will not be closed any more. */
const QUIET_MS = 2_000;

/** Podman sometimes leaves the terminal of a command open that ended at once; what is missing then is in the log. */
const copyUntilQuiet = async (
  { terminal, spool }: { terminal: Terminal; spool: Spool },
  exit: Promise<Exit>,
): Promise<boolean> => {
  let seenAt = Date.now();
  const note = () => {
    seenAt = Date.now();
  };
  terminal.on("data", note);
  const copied = copyTerminal(terminal, spool);
  const isQuiet = async () => {
    await exit;
    note();
    while (!terminal.destroyed && Date.now() - seenAt < QUIET_MS) await delay(RETRY_MS);
    terminal.destroy();
  };
  await Promise.race([copied, isQuiet()]);
  return copied;
};

/** Settles when the job has ended and all its output is in the spool. */
const copyOutput = async (
  { container, terminal, spool, log }: WatchOptions,
  exit: Promise<Exit>,
): Promise<void> => {
  if (terminal) {
    const isWhole = await copyUntilQuiet({ terminal, spool }, exit);
    const known = await Promise.race([exit, delay(EXIT_LAG_MS)]);
    if (isWhole && known && !known.engineRestarted) return;
    log.warn("The connection to a container broke, reading on in its log", { container: container.id });
  }
  const place = { readTo: "" };
  for (let hasExited = false; ; ) {
    try {
      await copyLog(container, spool, place);
      // What was read after the exit is all there is.
      if (hasExited) return;
    } catch (err) {
      if (statusOf(err) === 404) return;
      log.debug("The log of a container cannot be read now", {
        container: container.id,
        reason: messageOf(err),
      });
      await delay(RETRY_MS);
    }
    hasExited = (await Promise.race([exit, delay(EXIT_LAG_MS)])) !== undefined;
  }
};

/** SIGKILL is what the kernel ends a process with. */
const OOM_CANDIDATE = 137;
const NOT_RUN = [126, 127];
const INIT_WORDS_BYTES = 4_096;

const endOf = async (
  options: WatchOptions,
  { exitCode, engineRestarted, signal }: Exit & { signal: string | undefined },
  stopper: Stopper,
): Promise<JobEnd> => {
  const { container, assignment, spool } = options;
  if (exitCode === undefined) return GONE;
  return jobEnd({
    exitCode,
    signal,
    engineRestarted,
    wasStopped: stopper.wasAsked(),
    wasKilled: stopper.hasKilled(),
    memoryMib: assignment.memory_mib,
    oomKilled: exitCode === OOM_CANDIDATE && (await wasOomKilled(container)),
    output: NOT_RUN.includes(exitCode) ? await Bun.file(spool.path).slice(0, INIT_WORDS_BYTES).text() : "",
  });
};

/** The end of a container that somebody else removed. */
export const GONE: JobEnd = {
  exitStatus: null,
  reason: "container_exited_with_error",
  message: "The container was removed from the Docker engine by somebody else",
};

const wasOomKilled = async (container: Docker.Container): Promise<boolean> => {
  try {
    if ((await container.inspect()).State.OOMKilled) return true;
    // The end of a container overtakes what the engine is told of its memory, which it may never be then.
    return tellsOfOomKill(readKernelLog(), container.id);
  } catch (err) {
    // Only the words of the message depend on it.
    if (statusOf(err) !== undefined || isUnreachable(err)) return false;
    throw err;
  }
};
