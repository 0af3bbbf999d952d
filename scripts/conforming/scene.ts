import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Run } from "../../shared/api/runs.ts";
import { isFinalRun } from "../../shared/states.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { type Finished, run, runOk } from "../e2e/harness/program.ts";
import { cleanEnvironment } from "../e2e/harness/programs.ts";
import type { StockVersion } from "../e2e/harness/stockClient.ts";
import { SMALL } from "../e2e/harness/system.ts";
import type { Stage } from "./stage.ts";
import { openTerminal, type Terminal } from "./terminal.ts";

interface StockOptions {
  input?: string;
  env?: Record<string, string>;
  cwd?: string;
}

/** What a case is given: a person with a stock client and a home of their own, and our API to look behind it. */
export interface Scene {
  version: StockVersion;
  stage: Stage;
  /** Of the case alone; legal as the name of a run, fleet, secret, project. */
  name: string;
  /** Where the client is started, and its HOME. */
  dir: string;
  home: string;
  env: Record<string, string>;
  /** Of the folder that the client's programs are in. */
  bin: string;
  stock(args: readonly string[], options?: StockOptions): Promise<Finished>;
  /** The same where anything but exit code 0 is a failure; answers stdout. */
  ok(args: readonly string[], options?: StockOptions): Promise<string>;
  /** The same where anything but `code` is a failure; answers stdout and stderr. */
  fails(args: readonly string[], options?: StockOptions & { code?: number }): Promise<string>;
  json(args: readonly string[], options?: StockOptions): Promise<unknown>;
  terminal(args: readonly string[], more?: { env?: Record<string, string> }): Terminal;
  /** Writes a file under the folder; answers its path in it. What is no text is written as JSON, which is YAML. */
  write(path: string, content: unknown): Promise<string>;
  /** Writes a task for the fleet "pool"; answers the file's name. */
  task(commands: readonly string[], more?: Record<string, unknown>): Promise<string>;
  /** A program of OpenSSH or one that uses it, by the aliases that the client has written. */
  byAlias(program: readonly [string, ...string[]], input?: string): Promise<Finished>;
  /** A new SSH key without a passphrase; answers the path of its private half. */
  makeKey(): Promise<string>;
  /** The answer of our own API, by the administrator, to a call in the project main; or of a path from `/` on. */
  api(path: string, body?: unknown): Promise<unknown>;
  getRun(name?: string): Promise<Run>;
  waitForStatus(status: Run["status"], name?: string): Promise<Run>;
}

export interface SceneOptions {
  stage: Stage;
  version: StockVersion;
  /** Of the stock client's program. */
  path: string;
  name: string;
}

/** Two seconds of a processor until the client asks anything, on a machine that has other things to do: it is no measure. */
const PATIENCE_MS = 180_000;

/**
 * A home in which nobody asks for a newer release: one call a day leaves this behind. OpenSSH looks for hosts that it knows in
 * the home of the account, so that it has to be told of this one, by the file that the client adds its aliases to.
 */
const newHome = async (home: string, config: unknown, knownHosts: string): Promise<void> => {
  await Bun.write(join(home, ".dstack/config.yml"), JSON.stringify(config));
  await Bun.write(join(home, ".cache/.dstack/cli/last_check"), "");
  const file = join(home, ".ssh/known_hosts");
  await Bun.write(file, knownHosts);
  await Bun.write(join(home, ".dstack/ssh/config"), `Host *\n    UserKnownHostsFile ${file}\n`);
};

/** What the client has written for OpenSSH. */
export const aliases = ({ home }: Pick<Scene, "home">): Promise<string> =>
  Bun.file(join(home, ".dstack/ssh/config")).text();

const ending = ({ run_spec, status, jobs }: Run): string => {
  const job = jobs[0]?.job_submissions.at(-1);
  const why = job?.termination_reason_message ?? job?.termination_reason ?? "no reason";
  return `Run ${run_spec.run_name} is ${status}: ${why}`;
};

export const openScene = async ({ stage, version, path, name }: SceneOptions): Promise<Scene> => {
  const { coordinator } = stage;
  // Short: the client makes a socket below it, named after its run.
  const home = mkdtempSync(join(stage.dir, "h"));
  const dir = join(home, "work");
  mkdirSync(dir, { recursive: true });
  const { url, token } = coordinator;
  const knownHosts = await (await fetch(`${url}/ssh_known_hosts`)).text();
  await newHome(home, { projects: [{ name: "main", url, token, default: true }] }, knownHosts);
  const bin = dirname(path);
  const clean = cleanEnvironment(home);
  // Python then says what it is at when it is ended for taking too long.
  const env = { ...clean, PATH: `${bin}:${clean["PATH"]}`, COLUMNS: "200", PYTHONFAULTHANDLER: "1" };

  const stock = (args: readonly string[], { input, env: more = {}, cwd = dir }: StockOptions = {}) =>
    run([path, ...args], {
      cwd,
      env: { ...env, ...more },
      ...(input === undefined ? {} : { input }),
      timeoutMs: PATIENCE_MS,
      killSignal: "SIGABRT",
    });

  const expectCode = async (code: number, args: readonly string[], options: StockOptions = {}) => {
    const finished = await stock(args, options);
    if (finished.code === code) return finished;
    const { stdout, stderr } = finished;
    throw new Error(`dstack ${args.join(" ")} ended with ${finished.code}:\n${stdout}${stderr.slice(-2000)}`);
  };
  const ok = async (args: readonly string[], options?: StockOptions) =>
    (await expectCode(0, args, options)).stdout;

  const write = async (file: string, content: unknown) => {
    await Bun.write(join(dir, file), typeof content === "string" ? content : JSON.stringify(content));
    return file;
  };

  const api = async (route: string, body: unknown = {}): Promise<unknown> => {
    const answer = await fetch(`${url}${route.startsWith("/") ? route : `/api/project/main/${route}`}`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const text = await answer.text();
    assert.ok(answer.ok, `POST ${route} answered ${answer.status}: ${text}`);
    return text === "" ? null : JSON.parse(text);
  };

  const getRun = (run = name) => coordinator.client.getRun(run);
  return {
    version,
    stage,
    name,
    dir,
    home,
    env,
    bin,
    stock,
    ok,
    fails: async (args, { code = 1, ...options } = {}) => {
      const { stdout, stderr } = await expectCode(code, args, options);
      return stdout + stderr;
    },
    json: async (args, options) => JSON.parse(await ok(args, options)),
    terminal: (args, { env: more = {} } = {}) => {
      const { COLUMNS: _, ...onTerminal } = env;
      return openTerminal([path, ...args], { cwd: dir, env: { ...onTerminal, ...more } });
    },
    write,
    task: (commands, more = {}) =>
      write(`${name}.dstack.yml`, {
        type: "task",
        name,
        fleets: ["pool"],
        resources: SMALL,
        commands,
        ...more,
      }),
    byAlias: ([program, ...args], input = "") => {
      const config = join(home, ".ssh/config");
      const way = program === "rsync" ? ["-e", `ssh -F ${config}`] : ["-F", config];
      return run([program, ...way, ...args], { cwd: dir, env, input });
    },
    makeKey: async () => {
      const file = join(home, "key");
      await runOk(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file]);
      return file;
    },
    api,
    getRun,
    waitForStatus: (status, run = name) =>
      waitFor(
        `run ${run} ${status}`,
        async () => {
          const found = await getRun(run);
          if (found.status !== status && isFinalRun(found.status)) throw new Error(ending(found));
          return found.status === status && found;
        },
        30_000,
      ),
  };
};
