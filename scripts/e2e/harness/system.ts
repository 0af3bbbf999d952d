import { join } from "node:path";
import { tempDir } from "../../../shared/testing/tempDir.ts";
import { type Agent, type AgentOptions, startAgent } from "./agent.ts";
import { type Coordinator, startCoordinator } from "./coordinator.ts";
import { type Engine, startEngine } from "./engine.ts";
import { importImage, TEST_IMAGE } from "./image.ts";
import { createNetwork, type Host } from "./network.ts";
import { type Requirement, reasonsAgainst } from "./requirements.ts";

export type Runtime = "process" | "docker";

/** By runtime; without root a host of the process runtime is this machine itself, reached over loopback. */
export const NEEDS: Record<Runtime, readonly Requirement[]> = {
  process: ["programs"],
  docker: ["programs", "root", "docker"],
};

/** The language's own default asks for 100 GB of disk. */
export const SMALL = { cpu: "1..", memory: "64MB..", disk: "100MB.." };

/** A coordinator on this machine and one host that dialled out to it, where possible from a network of its own. */
export interface System extends AsyncDisposable {
  coordinator: Coordinator;
  agent: Agent;
  /** Absent without root. */
  host: Host | undefined;
  /** With the docker runtime. */
  engine: Engine | undefined;
  dir: string;
  /** Brings back whatever a test killed or froze and left so. */
  ensureUp(): Promise<void>;
  /** The text of a task with these commands for this system's host. */
  task(name: string, commands: readonly string[], more?: Record<string, unknown>): string;
}

export interface SystemOptions {
  runtime: Runtime;
  coordinatorEnv?: Record<string, string>;
  agent?: Pick<AgentOptions, "env" | "program" | "bootIdFile">;
  /** Address of a registry without TLS that the engine may pull from, by the network's own address. */
  registry?: (ip: string) => Promise<string>;
  /** Called with the agent's state directory before it is used; undone when it is no more. */
  prepare?: (stateDir: string) => Promise<AsyncDisposable>;
}

export const openSystem = async ({ runtime, registry, ...options }: SystemOptions): Promise<System> => {
  await using undo = new AsyncDisposableStack();
  const dir = undo.use(tempDir()).path;
  const network = reasonsAgainst(["root"]).length === 0 ? undo.use(await createNetwork()) : undefined;
  const host = await network?.addHost("host");
  const ip = network?.ip ?? "127.0.0.1";
  const coordinator = undo.use(
    await startCoordinator({
      dir: join(dir, "coordinator"),
      ip,
      ...(options.coordinatorEnv ? { env: options.coordinatorEnv } : {}),
    }),
  );
  const engine =
    runtime === "docker" && host
      ? undo.use(
          await startEngine({
            host,
            dir: join(dir, "engine"),
            ...(registry ? { insecureRegistry: await registry(ip) } : {}),
          }),
        )
      : undefined;
  if (engine) await importImage(engine);
  if (options.prepare) undo.use(await options.prepare(join(dir, "host", "state")));
  const agent = undo.use(
    await startAgent({
      coordinator,
      dir: join(dir, "host"),
      runtime,
      ...options.agent,
      ...(host ? { place: host } : {}),
      ...(engine ? { engine: engine.address } : {}),
    }),
  );
  const image = runtime === "docker" ? { image: TEST_IMAGE } : {};
  const cleanUp = undo.move();
  return {
    coordinator,
    agent,
    host,
    engine,
    dir,
    ensureUp: async () => {
      for (const program of [coordinator.program, agent.program, engine?.program]) program?.thaw();
      if (!coordinator.program.isRunning()) await coordinator.restart();
      if (!agent.program.isRunning()) agent.restart();
    },
    // JSON is YAML.
    task: (name, commands, more = {}) =>
      JSON.stringify({ type: "task", name, ...image, commands, resources: SMALL, ...more }, undefined, 2),
    [Symbol.asyncDispose]: () => cleanUp.disposeAsync(),
  };
};
