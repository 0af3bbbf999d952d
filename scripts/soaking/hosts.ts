import { join } from "node:path";
import { type Agent, startAgent } from "../e2e/harness/agent.ts";
import { type Coordinator, startCoordinator } from "../e2e/harness/coordinator.ts";
import { type Engine, startEngine } from "../e2e/harness/engine.ts";
import { importImage } from "../e2e/harness/image.ts";
import { createNetwork } from "../e2e/harness/network.ts";
import type { Runtime } from "../e2e/harness/system.ts";

export interface SoakedHost {
  name: string;
  runtime: Runtime;
  fleet: string;
  agent: Agent;
  engine: Engine | undefined;
}

/** One coordinator and four hosts, two of each runtime, each in a network of its own. */
export interface Soaked extends AsyncDisposable {
  coordinator: Coordinator;
  hosts: SoakedHost[];
}

export const openSoaked = async (dir: string): Promise<Soaked> => {
  await using undo = new AsyncDisposableStack();
  const network = undo.use(await createNetwork());
  const coordinator = undo.use(await startCoordinator({ dir: join(dir, "coordinator"), ip: network.ip }));
  const hosts: SoakedHost[] = [];
  for (const [runtime, num] of [
    ["process", 0],
    ["process", 1],
    ["docker", 0],
    ["docker", 1],
  ] as const) {
    const name = `${runtime}${num}`;
    const place = await network.addHost(name);
    const engine =
      runtime === "docker"
        ? undo.use(await startEngine({ host: place, dir: join(dir, name, "engine") }))
        : undefined;
    if (engine) await importImage(engine);
    const fleet = `soak-${runtime}`;
    const options = { coordinator, dir: join(dir, name), runtime, name, fleet, place };
    const agent = undo.use(await startAgent({ ...options, ...(engine ? { engine: engine.address } : {}) }));
    hosts.push({ name, runtime, fleet, agent, engine });
  }
  const cleanUp = undo.move();
  return { coordinator, hosts, [Symbol.asyncDispose]: () => cleanUp.disposeAsync() };
};
