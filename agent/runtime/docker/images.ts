import type Docker from "dockerode";
import { messageOf } from "../../../shared/errors.ts";
import type { Logger } from "../../../shared/log.ts";
import type { Assignment } from "../../../shared/protocol/assignment.ts";
import { type RuntimeHooks, type RuntimeJob, StartError } from "../runtime.ts";
import { isUnreachable, statusOf } from "./client.ts";
import { checkImage } from "./imageCheck.ts";
import { isFloating, isImageName } from "./imageReference.ts";
import type { ImageUse } from "./imageUse.ts";
import { makeRoom } from "./makeRoom.ts";
import type { ImageDefaults } from "./place.ts";
import { isDiskFull, type PullRequest, pullImage } from "./pull.ts";
import type { DockerSettings } from "./settings.ts";
import { sharePulls } from "./sharedPulls.ts";

/** Without a word from the registry for this long, a `latest` that lies here is taken as it is. */
const REFRESH_SILENCE_MS = 20_000;

export interface ImagesDeps {
  docker: Docker;
  use: ImageUse;
  settings: DockerSettings;
  log: Logger;
}

interface ReadyImage extends ImageDefaults {
  /** Something that the job's owner should know of it. */
  notice?: string;
  /** To be called when the job's container has it: until then it is not removed. */
  release: () => void;
}

export interface Images {
  ensure(job: RuntimeJob, hooks: RuntimeHooks): Promise<ReadyImage>;
}

export const openImages = (deps: ImagesDeps): Images => {
  const { docker, use, log } = deps;
  const pull = sharePulls(async (request, hooks) => {
    await makeRoom(deps);
    try {
      await pullImage(docker, request, hooks);
    } catch (err) {
      if (!isDiskFull(err) || hooks.signal.aborted || (await makeRoom(deps, { isFull: true })) === 0)
        throw err;
      log.info("Pulling an image again, there was no room for it", { image: request.image });
      await pullImage(docker, request, hooks);
    }
    use.used(request.image, { isPulled: true });
  });

  const ready = async (
    request: PullRequest,
    { argv }: Assignment,
    hooks: RuntimeHooks,
  ): Promise<Omit<ReadyImage, "release">> => {
    const { image } = request;
    const present = await findImage(docker, image);
    if (present && !isFloating(image)) return present;
    // An image that has run here is refreshed without a question: a host offline need not wait for it.
    if (!present) {
      hooks.onPulling();
      await checkImage(deps, { ...request, argv, signal: hooks.signal });
    }
    try {
      await pull(present ? { ...request, silenceMs: REFRESH_SILENCE_MS } : request, hooks);
    } catch (err) {
      if (!present || hooks.signal.aborted || isUnreachable(err)) throw err;
      log.warn("Cannot refresh an image, the one on the host is used", { image, reason: messageOf(err) });
      const notice = `The image on this host is used, it may not be the newest. ${messageOf(err)}`;
      return { ...present, notice };
    }
    const pulled = await findImage(docker, image);
    if (!pulled) throw refuse(`Cannot find the image "${image}" after its pull`);
    return pulled;
  };

  return {
    /**
     * Makes sure that the job's image is here. One that is missing is pulled, and `latest` is asked for every time, but
     * where its registry does not answer the image that lies here is as good: a host offline keeps working.
     */
    ensure: async (job, hooks) => {
      const { image, registry_auth: auth } = job.assignment;
      if (!image) throw refuse("Cannot run without an image on this host: it runs jobs in Docker");
      if (!isImageName(image)) throw refuse(`Cannot use "${image}" as an image's name`);
      const release = use.hold(image);
      try {
        const found = await ready({ image, auth }, job.assignment, hooks);
        use.used(image, { isPulled: false });
        return { ...found, release };
      } catch (err) {
        release();
        throw err;
      }
    },
  };
};

const refuse = (message: string): StartError => new StartError("creating_container_error", message);

const findImage = async (docker: Docker, image: string): Promise<ImageDefaults | undefined> => {
  try {
    const { Config } = await docker.getImage(image).inspect();
    return { user: Config.User ?? "", workingDir: Config.WorkingDir || "/" };
  } catch (err) {
    if (statusOf(err) === 404) return undefined;
    throw err;
  }
};
