import { createApp } from "../app.ts";
import type { CoordinatorConfig } from "../config.ts";
import type { Deps } from "../deps.ts";
import { ensureAdmin } from "../domain/users/ensureAdmin.ts";
import { AgentLink } from "../engine/agentLink.ts";
import { createAssignment } from "../engine/assign.ts";
import { Rollout } from "../engine/rollout.ts";
import { buildEngine, type EngineSurroundings } from "./buildEngine.ts";
import { buildTunnels } from "./buildTunnels.ts";
import { openState, type StateDeps } from "./openState.ts";

export interface Coordinator extends AsyncDisposable {
  deps: Deps & { link: AgentLink };
  app: ReturnType<typeof createApp>;
  /** Known when it was given, or made at this first start; afterwards only its hash is stored. */
  adminToken: string | undefined;
  /** Makes and ends instances from now on; `url`: where they find the coordinator, `port`: where it listens. */
  openFleets(url: string, port: number): Promise<void>;
  /** Agents are answered now: what they are to know has changed. */
  tellAgents(): void;
  /** Ends whatever stays open for long: parked syncs, followed logs, watched runs. */
  beginStop(): void;
}

interface Surroundings extends StateDeps, EngineSurroundings {}

/** Opens what is stored, and puts the parts together. Disposing it drains the writers; run `beginStop` before. */
export const buildCoordinator = async (
  config: CoordinatorConfig,
  surroundings: Surroundings,
): Promise<Coordinator> => {
  const { clock, log, clouds } = surroundings;
  await using opened = new AsyncDisposableStack();
  const state = await openState(config, surroundings, opened);
  const built = buildEngine(state, config, { ...surroundings, opened });
  const { db, secrets, tls, ideArchives } = state;
  const { agents, engine, fleets, hosts, cloudResources, place } = built;
  const { relay, ssh } = buildTunnels(state, config, { clock, log, agents, opened });
  const link = new AgentLink({
    ...built,
    wantsTunnel: (instanceId) => relay.isWanted(instanceId),
    trustNews: (digest) => tls.newsFor(digest),
    assign: (submission, instance) => {
      const { patience } = built;
      const deps = { db, box: secrets, patience, logQuotaHour: config.logQuotaHour, ideArchives };
      return createAssignment(deps, submission, instance);
    },
    rollout: new Rollout({
      releases: built.releases,
      capacity: built.capacity,
      log,
      isOn: config.upgradesAgents,
    }),
  });
  const closing = new AbortController();
  const { usage, counters, runTexts } = built;
  const deps = {
    ...state,
    config,
    clock,
    log,
    clouds,
    engine,
    fleets,
    hosts,
    cloudResources,
    usage,
    counters,
    runTexts,
    relay,
    ssh,
    link,
    closing: closing.signal,
  };
  const adminToken = await ensureAdmin(deps, config.adminToken);
  await engine.start();
  cloudResources.wake();
  const closers = opened.move();
  return {
    deps,
    app: createApp(deps),
    adminToken,
    openFleets: async (url, port) => {
      Object.assign(place, { url, port });
      await fleets.start();
      await hosts.start();
    },
    tellAgents: () => agents.wakeAll(),
    beginStop: () => {
      closing.abort();
      ssh[Symbol.dispose]();
      relay.close();
      agents.wakeAll();
    },
    [Symbol.asyncDispose]: () => closers.disposeAsync(),
  };
};
