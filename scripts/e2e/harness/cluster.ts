import { join } from "node:path";
import { tempDir } from "../../../shared/testing/tempDir.ts";
import { type Agent, startAgent } from "./agent.ts";
import { type Coordinator, startCoordinator } from "./coordinator.ts";
import { createNetwork, type Host } from "./network.ts";
import { SMALL } from "./system.ts";

/** A coordinator and several hosts of the process runtime, each in a network of its own. Needs root. */
export interface Cluster extends AsyncDisposable {
  coordinator: Coordinator;
  hosts: { host: Host; agent: Agent }[];
  dir: string;
  task(name: string, commands: readonly string[], more?: Record<string, unknown>): string;
}

/** `env`: of the coordinator, beside its own. */
export const openCluster = async (count: number, env: Record<string, string> = {}): Promise<Cluster> => {
  await using undo = new AsyncDisposableStack();
  const dir = undo.use(tempDir()).path;
  const network = undo.use(await createNetwork());
  const coordinator = undo.use(
    await startCoordinator({ dir: join(dir, "coordinator"), ip: network.ip, env }),
  );
  const hosts: Cluster["hosts"] = [];
  for (let at = 0; at < count; at++) {
    const host = await network.addHost(`n${at}`);
    const options = { coordinator, dir: join(dir, host.name), runtime: "process", name: host.name } as const;
    hosts.push({ host, agent: undo.use(await startAgent({ ...options, place: host })) });
  }
  const cleanUp = undo.move();
  return {
    coordinator,
    hosts,
    dir,
    task: (name, commands, more = {}) =>
      JSON.stringify({ type: "task", name, commands, resources: SMALL, ...more }, undefined, 2),
    [Symbol.asyncDispose]: () => cleanUp.disposeAsync(),
  };
};
