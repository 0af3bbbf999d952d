import type Docker from "dockerode";
import type { Logger } from "../../../shared/log.ts";
import type { RuntimeHooks, RuntimeJob } from "../runtime.ts";
import { engineMessage, isUnreachable, statusOf } from "./client.ts";
import { containerSpec } from "./containerSpec.ts";
import { removeContainer, removeContainers } from "./find.ts";
import { findPlace } from "./findPlace.ts";
import { ensureImage } from "./image.ts";
import { putFolders } from "./imageFiles.ts";
import { attachTerminal, CTRL_D, type Terminal } from "./output.ts";
import type { Place } from "./place.ts";
import { startFailure } from "./startFailure.ts";

export interface LaunchDeps {
  docker: Docker;
  log: Logger;
  passEnv: Readonly<Record<string, string>>;
  /** Shared by all launches: what one finds missing, the next ones do without. */
  features: Features;
}

export interface Launched {
  container: Docker.Container;
  terminal: Terminal;
  place: Place;
}

/** What some engines or hosts do not have: an init for containers, GPUs that can drive displays. */
export interface Features {
  init: boolean;
  display: boolean;
}

/** Image, container, terminal, start, in as few steps as there can be. Rejects with a StartError, leaving nothing. */
export const launch = async (
  deps: LaunchDeps,
  job: RuntimeJob,
  { hooks, mark }: { hooks: RuntimeHooks; mark: () => void },
): Promise<Launched> => {
  const { docker, passEnv, features } = deps;
  const { assignment } = job;
  const place = await findPlace(docker, job, await ensureImage(deps, job, hooks));
  for (;;) {
    hooks.signal.throwIfAborted();
    const tried = { ...features };
    const spec = containerSpec(assignment, { ...place, ...tried, passEnv, home: place.user?.home });
    const container = await create(docker, job, spec);
    let terminal: Terminal | undefined;
    try {
      if (place.user && place.ownFolders.length > 0)
        await putFolders(container, place.ownFolders, place.user);
      terminal = await attachTerminal(container);
      // A shell that fails in a way that makes it prompt must not wait for somebody to type (docs/spec/lifecycle.md §1.4).
      if (isInteractiveShell(assignment.argv)) terminal.write(CTRL_D);
      hooks.signal.throwIfAborted();
      mark();
      await container.start();
      return { container, terminal, place };
    } catch (err) {
      terminal?.destroy();
      // The engine may have started it before it went away: whoever asks again finds out.
      if (isUnreachable(err)) throw err;
      await removeContainer(container);
      if (hooks.signal.aborted) throw err;
      const missing = missingFeature(err, tried);
      if (!missing) throw startFailure(err, "start", assignment);
      features[missing] = false;
      deps.log.info("The Docker engine lacks something, going on without", {
        missing,
        said: engineMessage(err),
      });
    }
  }
};

const isInteractiveShell = ([, ...args]: readonly string[]): boolean => args[0] === "-i" && args[1] === "-c";

const CONFLICT = 409;

const create = async (docker: Docker, job: RuntimeJob, spec: Docker.ContainerCreateOptions) => {
  const { assignment } = job;
  try {
    return await docker.createContainer(spec);
  } catch (err) {
    if (isUnreachable(err)) throw err;
    if (statusOf(err) !== CONFLICT) throw startFailure(err, "create", assignment);
    // A container of this submission that never started; one that ran would have been adopted.
    await removeContainers(docker, assignment.submission_id);
    return docker.createContainer(spec);
  }
};

/** The words are the engine's own (`exec: "docker-init": executable file not found`) and the NVIDIA runtime's. */
const missingFeature = (err: unknown, features: Features): keyof Features | undefined => {
  const said = engineMessage(err);
  if (features.init && /docker-init/.test(said)) return "init";
  return features.display && /\/dev\/nvidia-modeset/.test(said) ? "display" : undefined;
};
