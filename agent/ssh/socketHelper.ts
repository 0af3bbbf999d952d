import { AppError } from "../../shared/errors.ts";
import type { JobShell, ShellProcess } from "../runtime/shell.ts";
import type { SocketAnswer, SocketTask } from "../sockets/sockets.ts";

/** A process that reaches a Unix socket of the job, and says what follows its first line. */
export interface SocketHelper {
  process: ShellProcess;
  path: string;
  output: AsyncIterable<Uint8Array>;
}

const LONGEST_ANSWER = 8_000;

/** Rejects where the socket cannot be reached, or made: with what the process says of it. */
export const startSocketHelper = async (
  shell: JobShell | undefined,
  task: SocketTask,
  user: string | null,
): Promise<SocketHelper> => {
  if (!shell) throw new AppError("unsupported", "This host can reach no Unix sockets of the job");
  const process = await shell.socket(task, user);
  const source = process.stdout[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  for (let end = -1; end < 0; end = head.indexOf("\n")) {
    const next = head.length > LONGEST_ANSWER ? { done: true as const } : await source.next();
    if (next.done) {
      process.hangUp();
      throw new AppError("unavailable", "The way to the Unix socket ended before it was open");
    }
    head = Buffer.concat([head, next.value]);
  }
  const end = head.indexOf("\n");
  const answer = JSON.parse(head.toString("utf8", 0, end)) as SocketAnswer;
  if ("failure" in answer) {
    process.hangUp();
    throw new AppError("unavailable", answer.failure);
  }
  const rest = head.subarray(end + 1);
  async function* output() {
    if (rest.length > 0) yield rest;
    for (let next = await source.next(); !next.done; next = await source.next()) yield next.value;
  }
  return { process, path: answer.path, output: output() };
};
