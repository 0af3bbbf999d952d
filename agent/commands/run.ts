import { AppError } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { runAgent } from "../agent.ts";
import { type Config, makeStateDir } from "../config.ts";
import { glance } from "../inventory/glance.ts";
import { findIdentity, type Identity } from "../link/identity.ts";
import { exec } from "../native/exec.ts";
import { reapStrayChildren } from "../native/strayChildren.ts";
import { createDockerRuntime } from "../runtime/docker/dockerRuntime.ts";
import { readDockerSettings } from "../runtime/docker/settings.ts";
import { openServiceManager } from "../service/notify.ts";
import { UpgradeBook } from "../upgrade/book.ts";
import { enterTrial, type OwnProgram, rollBack, startTrial } from "../upgrade/trial.ts";
import { join, noteMissing, takeInventory } from "./join.ts";

export interface RunDeps {
  log: Logger;
  signal: AbortSignal;
  self: readonly string[];
  env: Readonly<Record<string, string | undefined>>;
  onHangUp: (listener: () => void) => void;
  /** Undefined: this program runs from its sources. */
  own: OwnProgram | undefined;
}

/** Runs this host's agent until the signal aborts. Rejects with `not_found` where the host is in no fleet (any more). */
export const run = async (config: Config, deps: RunDeps): Promise<void> => {
  const { stateDir, trialMs } = config;
  makeStateDir(stateDir);
  using _stray = reapStrayChildren();
  const { log, signal, self, env, own, onHangUp } = deps;
  const book = new UpgradeBook(stateDir, log);
  const trial = enterTrial({ book, own, log, now: Date.now });
  const identity = await identify(config, deps);
  if (config.url !== undefined && config.url !== identity.url) {
    throw new AppError("conflict", `This host has joined ${identity.url}, not ${config.url}`, {
      hint: "Join the other coordinator with a token of its own",
    });
  }
  const settings = readDockerSettings(env);
  const runtime = config.runtime ?? identity.runtime;
  const name = config.name ?? identity.name ?? undefined;
  const dockerHost = config.dockerHost;
  const memory = new Map<string, string>();
  const read = (ended: AbortSignal) => takeInventory(config, { runtime, name, memory }, ended);
  const inventory = await read(signal);
  noteMissing(inventory, log);
  log.info("The agent starts", {
    instance: identity.instance_name,
    fleet: identity.fleet_name,
    runtime: inventory.runtime,
    ...(inventory.no_docker_reason ? { no_docker: inventory.no_docker_reason } : {}),
    gpus: inventory.gpus.length,
  });
  using service = openServiceManager(env);
  const end = await runAgent(
    {
      stateDir: config.stateDir,
      identity,
      caFile: config.caFile,
      inventory,
      readings: { read, glance: () => glance({ root: "/", dockerHost }) },
      onHangUp,
      self,
      env,
      dockerHost,
      createDockerRuntime: (log) =>
        createDockerRuntime({
          dockerHost: config.dockerHost,
          settings,
          self,
          stateDir: config.stateDir,
          log,
        }),
      directPort: config.directPort,
      service,
      upgrade: {
        program: own?.path,
        isOn: config.upgrade === "auto",
        book,
        trialMs: trial && trialMs,
      },
      log,
    },
    signal,
  );
  if (end === "replaced" && own) startTrial(own, { stateDir, trialMs });
  if (end === "failed" && trial && own) {
    rollBack({ book, own, log, now: Date.now }, trial, "It did not reach the coordinator in time");
    exec(own.path, own.args);
  }
  if (end === "left") throw new AppError("not_found", "This host has left its fleet");
  log.info("The agent has ended; its jobs go on");
};

const identify = async (config: Config, deps: RunDeps): Promise<Identity> => {
  const known = findIdentity(config.stateDir);
  if (known) return known;
  if (config.token !== undefined && config.url !== undefined) return join(config, deps);
  throw new AppError(
    "not_found",
    `This host has not joined a fleet yet: ${config.stateDir} holds no identity`,
    {
      hint: "Join it first: DSTACK_JOIN_TOKEN=TOKEN dstack-agent join --url URL",
    },
  );
};
