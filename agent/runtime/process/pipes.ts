import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { AppError, messageOf } from "../../../shared/errors.ts";
import type { ProcessEnd, ShellProcess } from "../shell.ts";
import { enterCgroups } from "./jobCgroup.ts";
import { signal } from "./kill.ts";
import { descendantsOf } from "./procfs.ts";

export interface PipedStart {
  argv: readonly string[];
  env: Record<string, string>;
  cwd: string;
  cgroups: readonly string[];
  /** A descriptor beside the usual three, which the process gets as its fourth. */
  fourth?: number;
}

/** Of a process that was started: its id, once it is among the job's own. */
export const settle = (pid: number | undefined, cgroups: readonly string[]): number => {
  if (pid === undefined) throw new AppError("unavailable", "Cannot start a process on this host");
  enterCgroups(cgroups, () => [pid, ...descendantsOf(pid)]);
  return pid;
};

/** A process whose output and errors are apart, in a group of its own so that a signal reaches all that it runs. */
export const startOnPipes = async ({
  argv,
  env,
  cwd,
  cgroups,
  fourth,
}: PipedStart): Promise<ShellProcess> => {
  const [file = "", ...args] = argv;
  const stdio = [
    "pipe" as const,
    "pipe" as const,
    "pipe" as const,
    ...(fourth === undefined ? [] : [fourth]),
  ];
  const child = spawn(file, args, { env, cwd, stdio, detached: true });
  const { stdin, stdout, stderr } = child;
  const exited = new Promise<ProcessEnd>((resolve) =>
    child.once("exit", (code, signalName) => resolve({ code, signal: signalName })),
  );
  try {
    await once(child, "spawn");
  } catch (err) {
    throw new AppError("unavailable", `Cannot start a process: ${messageOf(err)}`, { cause: err });
  }
  const pid = settle(child.pid, cgroups);
  if (!stdin || !stdout || !stderr) throw new Error("A process without its pipes");
  return onPipes({ stdin, stdout, stderr }, { pid, exited });
};

const onPipes = (
  { stdin, stdout, stderr }: { stdin: Writable; stdout: Readable; stderr: Readable },
  { pid, exited }: { pid: number; exited: Promise<ProcessEnd> },
): ShellProcess => {
  // Whoever writes to a process that does not read any more is told by nothing; its end says it.
  stdin.on("error", () => {});
  let isOver = false;
  void exited.then(() => {
    isOver = true;
  });
  return {
    write: (bytes) =>
      new Promise((resolve) => {
        stdin.write(bytes, () => resolve());
      }),
    end: () => void stdin.end(),
    stdout,
    stderr,
    resize: () => {},
    signal: (name) => signal(-pid, name),
    exited,
    hangUp: () => {
      // What has ended by itself may have left others running on purpose, as with sshd: an editor's server, say.
      if (!isOver) signal(-pid, "SIGHUP");
      for (const pipe of [stdin, stdout, stderr]) pipe.destroy();
    },
  };
};
