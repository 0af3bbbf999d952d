import { AppError, messageOf } from "../../shared/errors.ts";
import type { Connection } from "./connect.ts";

export interface Ended {
  /** Null: a signal ended it, or nobody said. */
  code: number | null;
  stdout: string;
  stderr: string;
}

interface ExecOptions {
  input: string;
  /** What is being done, for errors. */
  step: string;
  timeoutMs: number;
  signal: AbortSignal;
}

/** Of what is printed there: the last of it, where errors are. */
const MOST_KEPT = 64 * 1024;

/** Runs a command to its end. Rejects with `unavailable` where the connection is lost, or it takes too long. */
export const exec = (
  { client }: Connection,
  command: string,
  { input, step, timeoutMs, signal }: ExecOptions,
): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const lost = (why: string, cause?: unknown) =>
      new AppError("unavailable", `${step}: ${why}`, { cause, hint: "It is tried again from the beginning" });
    const finish = (settle: () => void) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      client.removeListener("close", gone);
      settle();
    };
    const stop = () => finish(() => reject(signal.reason as Error));
    const gone = () => finish(() => reject(lost("the connection was lost")));
    const timer = setTimeout(() => {
      finish(() => reject(lost(`not done after ${Math.round(timeoutMs / 1000)} seconds`)));
      client.destroy();
    }, timeoutMs);
    if (signal.aborted) return stop();
    signal.addEventListener("abort", stop, { once: true });
    client.once("close", gone);
    client.exec(command, (err, channel) => {
      if (err) return finish(() => reject(lost(`the host starts no command: ${messageOf(err)}`, err)));
      const [out, errors] = [keeper(), keeper()];
      let code: number | null = null;
      channel.on("data", out.take);
      channel.stderr.on("data", errors.take);
      channel.on("exit", (status: number | null) => {
        code = typeof status === "number" ? status : null;
      });
      channel.on("error", (cause: unknown) => finish(() => reject(lost(messageOf(cause), cause))));
      channel.on("close", () => finish(() => resolve({ code, stdout: out.text(), stderr: errors.text() })));
      channel.end(input);
    });
  });

const keeper = () => {
  let kept: Buffer = Buffer.alloc(0);
  return {
    take: (bytes: Buffer) => {
      kept = Buffer.concat([kept, bytes]).subarray(-MOST_KEPT);
    },
    text: () => kept.toString(),
  };
};
