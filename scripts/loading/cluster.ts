import { join } from "node:path";
import { agentFleetSpec } from "../../coordinator/domain/fleets/agentFleet.ts";
import { openStore, type Statement, writeAll } from "../../coordinator/store/db.ts";
import { insertFleet } from "../../coordinator/store/fleets.ts";
import { type InstanceRow, insertInstance } from "../../coordinator/store/instances.ts";
import { findProjectByName } from "../../coordinator/store/projects.ts";
import { hashToken, newToken } from "../../coordinator/store/tokens.ts";
import { hostRow } from "../../coordinator/testing/testEngine.ts";
import { delay } from "../../shared/async/delay.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { type Coordinator, startCoordinator } from "../e2e/harness/coordinator.ts";
import { type Answer, HttpConnection } from "./httpConnection.ts";
import { JobTimes } from "./jobs.ts";
import { LoadAgent } from "./loadAgent.ts";

export interface Cluster extends AsyncDisposable {
  coordinator: Coordinator;
  agents: LoadAgent[];
  /** How long all agents took to be there. */
  joinedMs: number;
  jobs: JobTimes;
  /** What all agents do from now on: whether jobs end as soon as they were confirmed, how long polls wait. */
  work: { endsJobs: boolean; waitMs: number };
  /** All agents poll anew, one after another over the time that a poll waits. */
  pollAnew(): Promise<void>;
  /** The API, over a connection of its own. */
  connect(): Api & Disposable;
}

interface Api {
  post(path: string, body: unknown): Promise<Answer>;
}

const BATCH = 500;
const LONGEST_JOIN_MS = 60_000;
const DAY_MS = 86_400_000;

/** As agents wait that were told nothing else. */
export const WAIT_MS = 45_000;

/** A coordinator as its own process, and agents that have had their first answer. */
export const openCluster = async (
  dir: string,
  count: number,
  say: (line: string) => void,
): Promise<Cluster> => {
  await using undo = new AsyncDisposableStack();
  const coordinator = undo.use(await startCoordinator({ dir, env: { DSTACK_SERVER_LOG_LEVEL: "warn" } }));
  await coordinator.program.stop();
  const hosts = await insertHosts(databaseOf(coordinator), count);
  await coordinator.restart();
  const stop = new AbortController();
  const jobs = new JobTimes();
  const work = { endsJobs: true, waitMs: WAIT_MS };
  const port = Number(new URL(coordinator.url).port);
  const agents = hosts.map(
    ({ row, token }) =>
      new LoadAgent({
        port,
        token,
        inventory: row.inventory,
        endsJobs: () => work.endsJobs,
        waitMs: () => work.waitMs,
        onStarted: (id) => jobs.noteStarted(id),
        onConfirmed: (id) => jobs.noteConfirmed(id),
        onEnded: () => jobs.noteEnded(),
      }),
  );
  const begin = performance.now();
  const running = agents.map(async (agent, at) => {
    // A second or two for all, as hosts do not come in one moment either.
    await delay((at / 10_000) * 3_000, stop.signal);
    await agent.run(stop.signal);
  });
  undo.defer(async () => void (await Promise.allSettled(running)));
  undo.defer(() => stop.abort());
  await waitForAnswers(agents, begin);
  const joinedMs = performance.now() - begin;
  say(`${count} agents are there after ${Math.round(joinedMs)} ms`);
  const pollAnew = async () => {
    const begin = performance.now();
    for (const [at, agent] of agents.entries()) {
      const early = begin + (at / agents.length) * work.waitMs - performance.now();
      if (early > 0) await delay(early);
      agent.pollAnew();
    }
  };
  const connect = () => {
    const connection = new HttpConnection(port, coordinator.token);
    return {
      post: (path: string, body: unknown) => connection.post(path, body),
      [Symbol.dispose]: () => connection.close(),
    };
  };
  const closers = undo.move();
  return {
    coordinator,
    agents,
    jobs,
    joinedMs,
    work,
    pollAnew,
    connect,
    [Symbol.asyncDispose]: () => closers.disposeAsync(),
  };
};

export const databaseOf = ({ home }: Coordinator): string => join(home, ".dstack/server/data/coordinator.db");

/** Until every agent has had an answer after `since`. */
export const waitForAnswers = async (agents: readonly LoadAgent[], since: number): Promise<void> => {
  const missing = () => agents.filter((agent) => agent.answeredAt < since);
  await waitFor("all agents", () => missing().length === 0, LONGEST_JOIN_MS).catch((err: unknown) => {
    const [first] = missing();
    throw new Error(`${missing().length} agents have no answer: ${first?.refused ?? "no connection"}`, {
      cause: err,
    });
  });
};

/** Writes hosts straight into the database of a coordinator that does not run: joining is not what is measured. */
const insertHosts = async (path: string, count: number): Promise<{ row: InstanceRow; token: string }[]> => {
  await using store = await openStore({ url: `file:${path}` });
  const project = await findProjectByName(store.db, "main");
  if (!project) throw new Error("The coordinator has made no project");
  const now = Date.now();
  const fleet = { id: crypto.randomUUID(), project_id: project.id, name: "load", created_at: now };
  await insertFleet(store.db, { ...fleet, status: "active", spec: agentFleetSpec(fleet.name) });
  const hosts = Array.from({ length: count }, (_, num) => {
    const token = newToken("dsi_");
    const row: InstanceRow = {
      ...hostRow(num % 250),
      project_id: project.id,
      fleet_id: fleet.id,
      instance_num: num,
      name: `load-${num}`,
      public_key: `key-${num}`,
      credential_hash: hashToken(token),
      credential_expires_at: now + DAY_MS,
      created_at: now,
    };
    return { row, token };
  });
  for (let at = 0; at < hosts.length; at += BATCH) {
    const statements: Statement[] = hosts
      .slice(at, at + BATCH)
      .map(({ row }) => insertInstance(store.db, row));
    await writeAll(store.db, statements);
  }
  return hosts;
};
