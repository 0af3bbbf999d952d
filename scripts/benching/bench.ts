import { join } from "node:path";
import { type Agent, startAgent } from "../e2e/harness/agent.ts";
import { type Coordinator, startCoordinator } from "../e2e/harness/coordinator.ts";
import { type Engine, startEngine } from "../e2e/harness/engine.ts";
import { importImage } from "../e2e/harness/image.ts";
import { createNetwork } from "../e2e/harness/network.ts";
import { reasonsAgainst } from "../e2e/harness/requirements.ts";
import { NEEDS, type Runtime } from "../e2e/harness/system.ts";
import type { Report } from "./table.ts";

/** A coordinator and a warm host per runtime; the fleet is named after the runtime. */
export interface Bench {
  coordinator: Coordinator;
  agents: Partial<Record<Runtime, Agent>>;
  engine: Engine | undefined;
}

/** What a part is given; `dir` is its own and does not exist yet. */
export interface Part extends Bench {
  report: Report;
  count: number;
  /** For whether it works, more than for what it says. */
  quick: boolean;
  dir: string;
  say: (line: string) => void;
}

export interface BenchOptions {
  dir: string;
  noDocker: boolean;
  report: Report;
}

export const openBench = async (options: BenchOptions): Promise<Bench & AsyncDisposable> => {
  const { dir, noDocker, report } = options;
  const reasons = noDocker ? ["--no-docker"] : reasonsAgainst(NEEDS.docker);
  await using undo = new AsyncDisposableStack();
  const network = reasons.length === 0 ? undo.use(await createNetwork()) : undefined;
  const coordinator = undo.use(
    await startCoordinator({ dir: join(dir, "coordinator"), ...(network ? { ip: network.ip } : {}) }),
  );
  const agents: Bench["agents"] = {};
  agents.process = undo.use(
    await startAgent({
      coordinator,
      dir: join(dir, "process"),
      runtime: "process",
      name: "process",
      fleet: "process",
    }),
  );
  let engine: Engine | undefined;
  if (network) {
    const host = await network.addHost("docker");
    engine = undo.use(await startEngine({ host, dir: join(dir, "engine") }));
    await importImage(engine);
    agents.docker = undo.use(
      await startAgent({
        coordinator,
        dir: join(dir, "docker"),
        runtime: "docker",
        name: "docker",
        fleet: "docker",
        place: host,
        engine: engine.address,
      }),
    );
  } else report.note(`The docker runtime was left out: ${reasons.join("; ")}`);
  const cleanUp = undo.move();
  return { coordinator, agents, engine, [Symbol.asyncDispose]: () => cleanUp.disposeAsync() };
};

export const runtimesOf = ({ agents }: Bench): Runtime[] =>
  (["process", "docker"] as const).filter((runtime) => agents[runtime] !== undefined);
