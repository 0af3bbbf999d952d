import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { NewJoinToken } from "../../../shared/api/joinTokens.ts";
import { waitFor } from "../../../shared/testing/waitFor.ts";
import type { Client } from "./client.ts";
import type { Coordinator } from "./coordinator.ts";
import type { FakeGpus } from "./fakeGpus.ts";
import { killJobsOf } from "./leftovers.ts";
import { type Place, type Program, runOk, startProgram, THIS_MACHINE } from "./program.ts";
import { AGENT, cleanEnvironment } from "./programs.ts";

export interface AgentOptions {
  coordinator: Coordinator;
  /** Its state, and the home of its jobs, go here. */
  dir: string;
  runtime: "docker" | "process";
  name?: string;
  fleet?: string;
  place?: Place;
  /** DOCKER_HOST of the host's own engine. */
  engine?: string;
  /** What else is in the agent's environment. */
  env?: Record<string, string>;
  /** A file that it reads the id of the host's boot from: another text in it, and the host has been restarted. */
  bootIdFile?: string;
  /** The file of the program, which may then be replaced; left out: that of the build. */
  program?: string;
  /** Devices that the host seems to have. */
  gpus?: Pick<FakeGpus, "wrap" | "path">;
  /** Into how many parts its host is divided. */
  blocks?: string;
}

/** `dstack-agent`, joined and running as `install.sh` would leave it, with a state directory of its own. */
export interface Agent extends AsyncDisposable {
  stateDir: string;
  program: Program;
  /** After `program.kill9()`: another process over the same state, with `more` in its environment. */
  restart(more?: Record<string, string>): void;
  /**
   * `dstack-agent ARGS` on this host, of the build even where the agent runs from another file; answers stdout, and
   * anything but exit code 0 is a failure.
   */
  command(...args: string[]): Promise<string>;
}

/** Becomes what its arguments say, in a mount namespace where $0 is the kernel's file. */
const SHOW_BOOT_ID = 'mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"';

export const createJoinToken = async (
  client: Client,
  fleet: string,
  { blocks, labels = [] }: { blocks?: string | undefined; labels?: readonly string[] } = {},
): Promise<NewJoinToken> => {
  const wish = [
    ...(blocks === undefined ? [] : ["--blocks", blocks]),
    ...labels.flatMap((label) => ["--label", label]),
  ];
  const made = await client.dstackOk(["fleet", "token", "create", fleet, ...wish, "--json"]);
  return NewJoinToken.parse(JSON.parse(made));
};

/** Joins a host to a fleet (made if need be) and waits until it can take jobs. */
export const startAgent = async (options: AgentOptions): Promise<Agent> => {
  const {
    coordinator,
    dir,
    runtime,
    name = "host",
    fleet = "e2e",
    place = THIS_MACHINE,
    engine,
    gpus,
    program = AGENT,
    bootIdFile,
  } = options;
  const inBoot = bootIdFile === undefined ? [] : ["unshare", "--mount", "sh", "-c", SHOW_BOOT_ID, bootIdFile];
  const [stateDir, home] = [join(dir, "state"), join(dir, "home")];
  for (const folder of [dir, home]) mkdirSync(folder, { recursive: true });
  const { PATH, ...clean } = cleanEnvironment(home);
  const env = {
    ...clean,
    PATH: [gpus?.path, PATH].filter((part) => part !== undefined).join(":"),
    // Tests look for what is left of a job.
    DSTACK_AGENT_KEEP_FINISHED: "0",
    ...(engine ? { DOCKER_HOST: engine } : {}),
    ...options.env,
  };
  const command = [...(gpus?.wrap ?? []), program];
  const { token } = await createJoinToken(coordinator.client, fleet, { blocks: options.blocks });
  const before = (await coordinator.client.getFleet(fleet)).instances.length;
  await runOk(
    [
      ...command,
      "join",
      "--url",
      coordinator.url,
      "--state-dir",
      stateDir,
      "--name",
      name,
      "--runtime",
      runtime,
    ],
    { env: { ...env, DSTACK_JOIN_TOKEN: token }, cwd: dir, place },
  );
  const start = (more: Record<string, string> = {}) =>
    startProgram({
      name: `dstack-agent on ${name}`,
      command: [...inBoot, ...command, "run", "--state-dir", stateDir],
      logFile: join(dir, "agent.log"),
      env: { ...env, ...more },
      cwd: dir,
      place,
    });
  const agent: Agent = {
    stateDir,
    program: start(),
    restart: (more) => {
      agent.program = start(more);
    },
    command: (...args) => runOk([AGENT, ...args, "--state-dir", stateDir], { env, cwd: dir, place }),
    [Symbol.asyncDispose]: async () => {
      await agent.program[Symbol.asyncDispose]();
      killJobsOf(stateDir);
    },
  };
  await waitFor(
    `${name} to be idle`,
    async () => {
      if (!agent.program.isRunning()) throw new Error(`dstack-agent ended:\n${agent.program.output()}`);
      const { instances } = await coordinator.client.getFleet(fleet);
      return (
        instances.length > before && instances.every(({ status }) => status === "idle" || status === "busy")
      );
    },
    30_000,
  );
  return agent;
};
