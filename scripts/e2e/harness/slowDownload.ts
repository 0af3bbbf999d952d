import { join } from "node:path";
import { waitFor } from "../../../shared/testing/waitFor.ts";
import { mebibyteAt } from "./downloadServer.ts";
import { type Place, run, startProgram } from "./program.ts";

/** What a job serves, and this test knows: so much, at a pace at which something can happen meanwhile. */
export interface Served {
  readonly bytes: number;
  readonly sha256: string;
  readonly command: string;
}

export const serveSlowly = ({ mib, mibPerS }: { mib: number; mibPerS: number }): Served => {
  const hasher = new Bun.CryptoHasher("sha256");
  for (let at = 0; at < mib; at += 1) hasher.update(mebibyteAt(at));
  const program = join(import.meta.dir, "downloadServer.ts");
  return {
    bytes: mib << 20,
    sha256: hasher.digest("hex"),
    command: `exec ${process.execPath} ${program} ${mib} ${mibPerS}`,
  };
};

/** `curl`, on its way to a file. */
export interface Download extends AsyncDisposable {
  reached(bytes: number): Promise<unknown>;
  /** "whole", "other bytes", or "broken: " and what curl says of it; rejects if it goes on for longer. */
  ended(timeoutMs: number): Promise<string>;
}

export const startDownload = (
  served: Served,
  { port, file, place }: { port: number; file: string; place: Place },
): Download => {
  const program = startProgram({
    name: "curl",
    command: ["curl", "-sS", "-o", file, `http://localhost:${port}/all`],
    logFile: `${file}.log`,
    env: { PATH: "/usr/bin:/bin" },
    cwd: "/",
    place,
  });
  return {
    reached: (bytes) =>
      waitFor(`${bytes} bytes to be here`, () => program.isRunning() && Bun.file(file).size >= bytes, 60_000),
    ended: async (timeoutMs) => {
      await waitFor("the download to end", () => !program.isRunning(), timeoutMs);
      const { stdout } = await run(["sha256sum", file]);
      if (stdout.startsWith(served.sha256)) return "whole";
      return (await program.exited) === 0 ? "other bytes" : `broken: ${program.output()}`;
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
};

/** Whether a new connection is answered. */
export const isServing = async ({ port, place }: { port: number; place: Place }): Promise<boolean> =>
  (await run(["curl", "-sS", "-m", "2", `http://localhost:${port}/`], { place })).stdout === "serving";
