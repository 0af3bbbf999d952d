import type Docker from "dockerode";
import type { Logger } from "../../../shared/log.ts";
import { checkExecSize } from "../execLimits.ts";
import { hasNoRoom } from "../room.ts";
import { type RuntimeHooks, type RuntimeJob, StartError } from "../runtime.ts";
import { engineMessage, isUnreachable, statusOf } from "./client.ts";
import { containerSpec } from "./containerSpec.ts";
import { createContainer } from "./createContainer.ts";
import { type Features, findSilentLacks, hopeAgain, missingFeature, WITHOUT } from "./features.ts";
import { removeContainer, removeContainers } from "./find.ts";
import { type FoundPlace, findPlace } from "./findPlace.ts";
import { putFolders } from "./imageFiles.ts";
import type { Images } from "./images.ts";
import { attachTerminal, CTRL_D, type Terminal } from "./output.ts";
import type { Place } from "./place.ts";
import type { DockerSettings } from "./settings.ts";
import { type Step, startFailure } from "./startFailure.ts";

export interface LaunchDeps {
  docker: Docker;
  log: Logger;
  settings: DockerSettings;
  images: Images;
  /** Shared by all launches: what one finds missing, the next ones do without. */
  features: Features;
}

export interface LaunchHooks extends RuntimeHooks {
  /** Called before the start is asked for: from then on the command may run. */
  mark: () => void;
  /** A word of the agent's own, above the job's output. */
  notice: (text: string) => Promise<void>;
}

export interface Launched {
  container: Docker.Container;
  terminal: Terminal;
  place: Place;
}

/** Image, container, terminal, start, in as few steps as there can be. Rejects with a StartError, leaving nothing. */
export const launch = async (deps: LaunchDeps, job: RuntimeJob, hooks: LaunchHooks): Promise<Launched> => {
  const { docker, settings } = deps;
  refuseBeforePull(job, settings);
  const { release, notice, ...defaults } = await deps.images.ensure(job, hooks);
  try {
    const place = await findPlace(docker, job, defaults);
    for (const text of [...(notice ? [notice] : []), ...place.notices]) await hooks.notice(text);
    return await startContainer(deps, job, { hooks, place });
  } finally {
    release();
  }
};

/** What cannot work is not worth a pull. */
const refuseBeforePull = ({ assignment }: RuntimeJob, settings: DockerSettings): void => {
  if (assignment.privileged && !settings.allowPrivileged)
    throw new StartError("executor_error", "This host's operator forbids privileged containers", {
      hint: 'Leave out "privileged" and "docker", or choose another fleet',
    });
  checkExecSize(assignment.argv, { ...settings.passEnv, ...assignment.env });
};

const startContainer = async (
  deps: LaunchDeps,
  job: RuntimeJob,
  { hooks, place }: { hooks: LaunchHooks; place: FoundPlace },
): Promise<Launched> => {
  const { docker, settings, features } = deps;
  const { assignment } = job;
  if (assignment.gpu_ids.length > 0) await findSilentLacks(docker, features);
  for (;;) {
    hooks.signal.throwIfAborted();
    const spec = containerSpec(assignment, { ...place, settings, features, home: place.user?.home });
    let [step, container, terminal]: [Step, Docker.Container?, Terminal?] = ["create"];
    try {
      container = await create(docker, job, spec);
      step = "start";
      if (place.user && place.ownFolders.length > 0 && !settings.readOnly)
        await putFolders(container, place.ownFolders, place.user);
      terminal = await attachTerminal(container);
      // A shell that fails in a way that makes it prompt must not wait for somebody to type (docs/spec/lifecycle.md §1.4).
      if (isInteractiveShell(assignment.argv)) terminal.write(CTRL_D);
      hooks.signal.throwIfAborted();
      hooks.mark();
      await container.start();
      return { container, terminal, place };
    } catch (err) {
      terminal?.destroy();
      // The engine may have started it before it went away: whoever asks again finds out.
      if (isUnreachable(err)) throw err;
      if (container) await removeContainer(container);
      if (hooks.signal.aborted || hasNoRoom(err)) throw err;
      const missing = missingFeature(err, spec);
      if (!missing) {
        hopeAgain(features);
        throw startFailure(err, step, assignment);
      }
      features[missing] = false;
      deps.log.warn(`The container engine lacks something: ${WITHOUT[missing]}`, {
        missing,
        said: engineMessage(err),
      });
    }
  }
};

const isInteractiveShell = ([, ...args]: readonly string[]): boolean => args[0] === "-i" && args[1] === "-c";

const CONFLICT = 409;

const create = async (docker: Docker, job: RuntimeJob, spec: Docker.ContainerCreateOptions) => {
  try {
    return await createContainer(docker, spec);
  } catch (err) {
    if (statusOf(err) !== CONFLICT) throw err;
    // A container of this submission that never started; one that ran would have been adopted.
    await removeContainers(docker, job.assignment.submission_id);
    return createContainer(docker, spec);
  }
};
