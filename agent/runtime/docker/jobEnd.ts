import { outOfMemory } from "../outOfMemory.ts";
import type { JobEnd } from "../runtime.ts";
import { signalName } from "./commandProcess.ts";

/** What is known of a container that ended. */
export interface ContainerEnd {
  /** As the engine tells it. */
  exitCode: number;
  /** What ended the job's command itself, as the kernel tells it; undefined: nothing did, or nobody knows. */
  signal?: string | undefined;
  /** Only asked for when the exit code suggests it. */
  oomKilled?: boolean;
  memoryMib?: number | null | undefined;
  /** The agent was asked to stop it: how it ended needs no explanation. */
  wasStopped?: boolean;
  /** The agent killed it, after a stop's grace. */
  wasKilled?: boolean;
  /** The engine went away while the command ran. */
  engineRestarted?: boolean;
  /** First bytes of the output, where the container's init says that it found no command. */
  output?: string;
}

const SIGNAL_OFFSET = 128;

/** `SIGKILL` for 137: what shells, and the engine itself, make of a command that a signal ended. */
export const signalOf = (exitCode: number): string | undefined => signalName(exitCode - SIGNAL_OFFSET);

/**
 * -1 where a signal ended the job's command (docs/spec/lifecycle.md §1.4), as with the process runtime: the kernel says
 * so, or it was the agent that killed it. Where nobody knows, a code above 128 is a signal's by convention only (`exit
 * 137` looks the same): it is reported as the status it is, with the signal in words.
 */
export const jobEnd = (end: ContainerEnd): JobEnd => {
  const message = [explain(end), end.engineRestarted ? ENGINE_RESTARTED : ""].filter(Boolean).join(". ");
  if (end.exitCode === 0) return { exitStatus: 0, reason: "done_by_runner", message };
  const reason = "container_exited_with_error";
  const signal = endingSignal(end);
  return signal === undefined
    ? { exitStatus: end.exitCode, reason, message }
    : { exitStatus: -1, signal, reason, message };
};

const endingSignal = ({ exitCode, signal, wasKilled }: ContainerEnd): string | undefined => {
  const inCode = signalOf(exitCode);
  // A kill of the whole container reaches its init, and what is below goes by whatever comes first.
  if (signal !== undefined) return inCode ?? signal;
  return wasKilled && inCode === "SIGKILL" ? inCode : undefined;
};

/** Without live-restore an engine that crashes also takes with it what its containers print meanwhile. */
const ENGINE_RESTARTED =
  "The Docker engine was restarted while the job ran; output of that time may be missing";

const explain = (end: ContainerEnd): string => {
  const { exitCode, oomKilled, memoryMib, wasStopped, output = "" } = end;
  if (wasStopped) return "";
  if (oomKilled) return outOfMemory(memoryMib);
  const ending = endingSignal(end);
  if (ending) return `The command was ended by the signal ${ending}${meaningOf(ending)}`;
  const init = /^\[FATAL tini \(\d+\)\] exec (.+) failed: (.+?)\s*$/m.exec(output);
  if (init && (exitCode === 126 || exitCode === 127)) return cannotRun(init[1] ?? "", init[2] ?? "");
  const signal = signalOf(exitCode);
  if (signal === undefined) return "";
  return `Exit status ${exitCode}: a process of the job was ended by ${signal}${meaningOf(signal)}`;
};

const meaningOf = (signal: string): string => (MEANINGS[signal] ? ` (${MEANINGS[signal]})` : "");

/** A program that is there but whose loader is not (a foreign C library) looks the same to the kernel. */
const cannotRun = (program: string, why: string): string =>
  /^\/(usr\/)?bin\/\w*sh$/.test(program) && why === "No such file or directory"
    ? `The image has no shell "${program}" to run the commands with: name the one it has in "shell", or give an "entrypoint", which needs none`
    : `Cannot run "${program}" in the image: ${why}`;

const MEANINGS: Record<string, string> = {
  SIGKILL: "killed from outside, or out of memory",
  SIGTERM: "asked to terminate",
  SIGINT: "interrupted",
  SIGSEGV: "bad memory access",
  SIGABRT: "the program aborted itself",
  SIGBUS: "bad memory access; often too little shared memory",
};
