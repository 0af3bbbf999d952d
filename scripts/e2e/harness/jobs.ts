import { waitFor } from "../../../shared/testing/waitFor.ts";
import type { Client } from "./client.ts";
import { processesWith } from "./leftovers.ts";

/** A job whose every byte of output is known: some silence, then lines at a pace, then its end. */
export interface SteadyJob {
  commands: string[];
  /** SHA-256 of the whole output, line ends as a terminal has them. */
  sha256: string;
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
    sha256: sha256(output.map((line) => `${line}\r\n`).join("")),
  };
};

const FILLER = "abcdefghijklmnopqrstuvwxyz";
const lineText = (at: number): string => `line ${at} ${FILLER}`;

export const sha256 = (bytes: Uint8Array | string): string =>
  new Bun.CryptoHasher("sha256").update(bytes).digest("hex");

/** Waits until the coordinator holds this much of a run's output. */
export const waitForLog = (client: Client, name: string, text: string): Promise<unknown> =>
  waitFor(
    `"${text}" in the log of ${name}`,
    async () => new TextDecoder().decode(await client.readLog(name)).includes(text),
    20_000,
  );

/** Waits until nothing of a run's command is left on any host, whoever knows of it. */
export const commandEnded = (name: string): Promise<unknown> =>
  waitFor(
    `the command of ${name} to end`,
    () => processesWith(`DSTACK_RUN_NAME=${name}\0`).length === 0,
    20_000,
  );
