import { connect } from "node:net";
import { join } from "node:path";
import type { Clock } from "../../shared/clock.ts";
import type { Logger } from "../../shared/log.ts";
import { createLocalBackend } from "../backends/local/localBackend.ts";
import type { CoordinatorConfig } from "../config.ts";
import type { Clouds } from "../domain/backends/clouds.ts";
import type { Backend } from "../domain/fleets/backend.ts";
import { RunCounters } from "../domain/metrics/runCounters.ts";
import { jobSpecsOf } from "../domain/runs/effectiveSpec.ts";
import { RunTexts } from "../domain/runs/runTexts.ts";
import { AgentSessions } from "../engine/agentSessions.ts";
import { Capacity } from "../engine/capacity.ts";
import { CloudResourceKeeper } from "../engine/cloudResourceKeeper.ts";
import { Engine } from "../engine/engine.ts";
import { patienceOf } from "../engine/engineDeps.ts";
import { FleetKeeper } from "../engine/fleetKeeper.ts";
import { forgetHosts } from "../engine/forgetHosts.ts";
import { HostKeeper } from "../engine/hostKeeper.ts";
import { Idleness } from "../engine/idleness.ts";
import { Reachability } from "../engine/reachability.ts";
import { Scheduler } from "../engine/scheduler.ts";
import { UsageIntake } from "../engine/usage.ts";
import { Waits } from "../engine/waits.ts";
import { createBringIn } from "../hosts/bringIn.ts";
import { CarriedLinks } from "../hosts/carriedLinks.ts";
import { tidyAfter } from "../hosts/tidyAfter.ts";
import { defaultArtifactsDir, installScript } from "../http/artifacts.ts";
import { openAgentReleases } from "../releases/agentReleases.ts";
import type { RunRow } from "../store/runs.ts";
import type { SubmissionRow } from "../store/submissions.ts";
import type { State } from "./openState.ts";

type Env = Record<string, string | undefined>;

export interface EngineSurroundings {
  clock: Clock;
  log: Logger;
  env: Env;
  clouds: Clouds;
}

/** Where hosts find the coordinator, and where it listens: known for sure once it does. */
interface Place {
  url: string;
  port: number;
}

/** What drives runs, and what brings hosts to them. Runs move from `engine.start` on, fleets and hosts from theirs. */
export const buildEngine = (
  state: State,
  config: CoordinatorConfig,
  { clock, log, env, clouds, opened }: EngineSurroundings & { opened: AsyncDisposableStack },
) => {
  const { db, tell, tls, logs, secrets, releaseKey } = state;
  const place: Place = { url: config.publicUrl ?? "", port: config.port };
  const agents = new AgentSessions(clock);
  const capacity = new Capacity();
  const counters = new RunCounters();
  const runTexts = new RunTexts(db.$rows);
  const engineDeps = {
    db,
    tell,
    clock,
    log,
    logs,
    agents,
    capacity,
    scheduler: new Scheduler({ agents, capacity, clock }),
    jobNetworkMode: config.jobNetworkMode,
    waits: new Waits(clock),
    idleness: new Idleness({ clock, agents }),
    patience: patienceOf(config.silenceMs),
    wakeFleet: (fleetId: string) => fleets.wake(fleetId),
    counters,
    makeFor: (run: RunRow, submissions: readonly SubmissionRow[]) => fleets.makeFor(run, submissions),
    mayMakeFor: (run: RunRow) => fleets.mayMakeFor(run),
    jobSpecs: (run: Pick<RunRow, "name" | "spec">) => jobSpecsOf({ config }, run.spec, run.name),
  };
  const engine = new Engine(engineDeps);
  opened.defer(() => engine.close());
  const backends = backendsOf(config, env);
  const dir = config.artifactsDir ?? defaultArtifactsDir(process.execPath);
  const url = () => place.url;
  const trust = () => tls.trust;
  const dial = () => connect({ host: dialable(config.host), port: place.port });
  const hosts = new HostKeeper({
    ...engineDeps,
    links: new CarriedLinks({ dial, log }),
    engine,
    url,
    trust,
    box: secrets,
    bringIn: tidyAfter(createBringIn({ artifactsDir: dir, installScript, clock, dial }), {
      clock,
      // Most of what logins leave is code that was compiled for them, which a collection alone keeps (30 hosts: 44 MiB and 35).
      tidy: () => Bun.shrink(),
    }),
    patienceMs: config.sshHostMs,
    withFleet: (fleetId, work) => fleets.withFleet(fleetId, work),
  });
  const fleets = new FleetKeeper({ ...engineDeps, engine, backends, url, trust, hosts });
  opened.defer(() => fleets.close());
  opened.defer(() => hosts.close());
  const cloudResources = new CloudResourceKeeper({ ...engineDeps, clouds });
  opened.defer(() => cloudResources.close());
  const releases = openAgentReleases({ dir, key: releaseKey, clock, log });
  const reachability = new Reachability({ ...engineDeps, engine });
  opened.defer(() => reachability.close());
  const forgetting = forgetHosts({ ...engineDeps, engine, fleets }, config.forgetHostsMs);
  opened.defer(() => forgetting.close());
  const usage = new UsageIntake({ ...engineDeps, engine });
  opened.defer(() => usage.close());
  return {
    ...engineDeps,
    engine,
    place,
    hosts,
    fleets,
    cloudResources,
    releases,
    reachability,
    runTexts,
    usage,
  };
};

/** What can make instances, as far as it is configured. */
const backendsOf = ({ localInstances, serverDir }: CoordinatorConfig, env: Env): Backend[] => {
  if (!localInstances) return [];
  const { most, agent = join(defaultArtifactsDir(process.execPath), "dstack-agent") } = localInstances;
  return [createLocalBackend({ dir: join(serverDir, "local"), most, agent: [agent], env })];
};

/** Where this machine itself finds who listens there. */
const dialable = (host: string): string => {
  if (host === "0.0.0.0") return "127.0.0.1";
  return host === "::" ? "::1" : host;
};
