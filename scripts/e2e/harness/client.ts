import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { z } from "zod";
import { Fleet } from "../../../shared/api/fleets.ts";
import { Run } from "../../../shared/api/runs.ts";
import { isFinalRun } from "../../../shared/states.ts";
import { waitFor } from "../../../shared/testing/waitFor.ts";
import { type Finished, type Place, type Program, type RunOptions, run, startProgram } from "./program.ts";
import { cleanEnvironment, DSTACK } from "./programs.ts";

const PROJECT = "main";
/** Longer than any test's job; a log that is followed ends with the job. */
const LONGEST_ANSWER_MS = 60_000;

/** One person at a coordinator: the compiled command line, and the bare API where a test needs it. */
export interface Client {
  /** `dstack ARGS`, to its end. */
  dstack(args: readonly string[], options?: RunOptions): Promise<Finished>;
  /** The same where anything but exit code 0 is a failure; answers stdout. */
  dstackOk(args: readonly string[], options?: RunOptions): Promise<string>;
  /** `dstack ARGS` in the background, its output in `logFile`. */
  startDstack(
    args: readonly string[],
    options: { logFile: string; place?: Place; env?: Record<string, string> },
  ): Program;
  post(path: string, body: unknown): Promise<Response>;
  getRun(name: string): Promise<Run>;
  getFleet(name: string): Promise<Fleet>;
  /** Waits until `is` holds of the run; fails at once when the run ended otherwise. */
  waitForRun(name: string, is: (run: Run) => boolean, timeoutMs?: number): Promise<Run>;
  waitForEnd(name: string, timeoutMs?: number): Promise<Run>;
  /**
   * The output of a run's first job as the coordinator has it now; with `follow` all of it: the end of a job may be
   * known before the last of its output has arrived.
   */
  readLog(name: string, options?: { follow: boolean }): Promise<Uint8Array>;
}

export interface ClientOptions {
  url: string;
  token: string;
  /** Where `.dstack/config.yml` is. */
  home: string;
  cwd: string;
}

export const createClient = ({ url, token, home, cwd }: ClientOptions): Client => {
  const env = cleanEnvironment(home);
  // Where a coordinator with TLS leaves what it is known by.
  const authorities = join(home, ".dstack/authorities", `${new URL(url).host.replace(":", "_")}.pem`);
  const dstack = (args: readonly string[], options: RunOptions = {}) =>
    run([DSTACK, ...args], { cwd, ...options, env: { ...env, ...options.env } });

  const dstackOk = async (args: readonly string[], options: RunOptions = {}) => {
    const { code, stdout, stderr } = await dstack(args, options);
    if (code !== 0) throw new Error(`dstack ${args.join(" ")} ended with ${code}:\n${stdout}${stderr}`);
    return stdout;
  };

  const post = (path: string, body: unknown) =>
    fetch(`${url}/api/project/${PROJECT}/${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(LONGEST_ANSWER_MS),
      ...(url.startsWith("https:") ? { tls: { ca: readFileSync(authorities, "utf8") } } : {}),
    });

  const postOk = async (path: string, body: unknown): Promise<Response> => {
    const answer = await post(path, body);
    if (!answer.ok) throw new Error(`POST ${path} answered ${answer.status}: ${await answer.text()}`);
    return answer;
  };

  const ask = async <S extends z.ZodType>(schema: S, path: string, body: unknown): Promise<z.output<S>> =>
    schema.parse(await (await postOk(path, body)).json());

  const getRun = (name: string) => ask(Run, "runs/get", { run_name: name });

  const waitForRun = async (name: string, is: (run: Run) => boolean, timeoutMs = 30_000) => {
    const seen: string[] = [];
    const look = async () => {
      const found = await getRun(name).catch(unlessUnreachable);
      if (!found) return undefined;
      const state = describe(found);
      if (seen.at(-1) !== state) seen.push(state);
      if (is(found)) return found;
      if (isFinalRun(found.status)) throw new Error(`Run "${name}" went ${seen.join(" → ")}`);
      return undefined;
    };
    return waitFor(`run "${name}"`, look, timeoutMs).catch((err: unknown) => {
      throw new Error(`Run "${name}" went ${seen.join(" → ")}`, { cause: err });
    });
  };

  return {
    dstack,
    dstackOk,
    startDstack: (args, { logFile, place, env: more }) =>
      startProgram({
        name: `dstack ${args.join(" ")}`,
        command: [DSTACK, ...args],
        logFile,
        env: { ...env, ...more },
        cwd,
        ...(place ? { place } : {}),
      }),
    post,
    getRun,
    getFleet: (name) => ask(Fleet, "fleets/get", { name }),
    waitForRun,
    waitForEnd: (name, timeoutMs) => waitForRun(name, ({ status }) => isFinalRun(status), timeoutMs),
    readLog: async (name, { follow } = { follow: false }) => {
      const found = await getRun(name);
      const submission = found.jobs[0]?.job_submissions.at(-1);
      if (!submission) throw new Error(`Run "${name}" has no submission`);
      const body = { run_name: name, job_submission_id: submission.id, follow };
      const answer = await postOk("logs/stream", body);
      return new Uint8Array(await answer.arrayBuffer());
    },
  };
};

/** A coordinator that is being restarted; whoever waits, waits on. */
const unlessUnreachable = (err: unknown): undefined => {
  if (err instanceof TypeError || (err as NodeJS.ErrnoException).code?.startsWith("ECONN")) return undefined;
  if ((err as NodeJS.ErrnoException).code === "ConnectionRefused") return undefined;
  throw err;
};

/** `running/pulling`: the run and its newest submission. */
const describe = (found: Run): string => {
  const submission = found.jobs[0]?.job_submissions.at(-1);
  return `${found.status}/${submission?.status ?? "-"}${submission?.termination_reason ? ` (${submission.termination_reason})` : ""}`;
};
