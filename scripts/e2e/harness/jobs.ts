import { waitFor } from "../../../shared/testing/waitFor.ts";
import type { Client } from "./client.ts";
import { processesWith } from "./leftovers.ts";

/** A job whose every byte of output is known: some silence, then lines at a pace, then its end. */
export interface SteadyJob {
  commands: string[];
  /** The whole output, line ends as a terminal has them. */
  output: string;
}

export const steadyJob = (options: { lines: number; silentS?: number; everyS?: number }): SteadyJob => {
  const { lines, silentS = 1, everyS = 0.01 } = options;
  const pause = everyS > 0 ? `sleep ${everyS}; ` : "";
  const output = ["begin", ...Array.from({ length: lines }, (_, at) => lineText(at)), "end"];
  return {
    commands: [
      "echo begin",
      `sleep ${silentS}`,
      `i=0; while [ $i -lt ${lines} ]; do echo "line $i ${FILLER}"; ${pause}i=$((i+1)); done`,
      "echo end",
    ],
    output: output.map((line) => `${line}\r\n`).join(""),
  };
};

const FILLER = "abcdefghijklmnopqrstuvwxyz";
const lineText = (at: number): string => `line ${at} ${FILLER}`;

const sha256 = (bytes: Uint8Array | string): string =>
  new Bun.CryptoHasher("sha256").update(bytes).digest("hex");

/** What busybox's interactive shell says of itself, before a job's own output begins. */
const GREETING = /^\r\n\r\nBusyBox [\s\S]*?built-in commands\.\r\n\r\n/;

/** A job's own output. */
export const withoutGreeting = (output: string): string => output.replace(GREETING, "");

/** Compares by SHA-256 what the coordinator holds with what the job wrote; tells the first place that differs. */
export const expectWholeLog = async (client: Client, name: string, { output }: SteadyJob): Promise<void> => {
  const all = await client.readLog(name, { follow: true });
  // Shells are interactive, and Debian's busybox then greets before it does anything.
  const log = all.subarray(Math.max(0, Buffer.from(all).indexOf("begin\r\n")));
  if (sha256(log) === sha256(output)) return;
  const expected = new TextEncoder().encode(output);
  const at = expected.findIndex((byte, index) => byte !== log[index]);
  const around = (bytes: Uint8Array) =>
    JSON.stringify(new TextDecoder().decode(bytes.subarray(Math.max(0, at - 80), at + 80)));
  throw new Error(
    `The log of "${name}" has ${log.length} bytes and not ${expected.length}; at ${at} it has\n${around(log)} and not\n${around(expected)}`,
  );
};

/** Waits until the coordinator holds this much of a run's output. */
export const waitForLog = (client: Client, name: string, text: string): Promise<unknown> =>
  waitFor(
    `"${text}" in the log of ${name}`,
    async () => new TextDecoder().decode(await client.readLog(name)).includes(text),
    30_000,
  );

/** Waits until nothing of a run's command is left on any host, whoever knows of it. */
export const commandEnded = (name: string): Promise<unknown> =>
  waitFor(
    `the command of ${name} to end`,
    () => processesWith(`DSTACK_RUN_NAME=${name}\0`).length === 0,
    30_000,
  );
