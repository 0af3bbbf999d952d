import type Docker from "dockerode";
import { messageOf } from "../../../shared/errors.ts";
import type { Logger } from "../../../shared/log.ts";
import { type RuntimeHooks, type RuntimeJob, StartError } from "../runtime.ts";
import { isUnreachable, statusOf } from "./client.ts";
import { isFloating, isImageName } from "./imageReference.ts";
import type { ImageDefaults } from "./place.ts";
import { pullImage } from "./pull.ts";

/** Without a word from the registry for this long, a `latest` that lies here is taken as it is. */
const REFRESH_SILENCE_MS = 20_000;

/**
 * Makes sure that the job's image is here. One that is missing is pulled, and `latest` is asked for every time, but
 * where its registry does not answer the image that lies here is as good: a host offline keeps working.
 */
export const ensureImage = async (
  { docker, log }: { docker: Docker; log: Logger },
  { assignment }: RuntimeJob,
  hooks: RuntimeHooks,
): Promise<ImageDefaults> => {
  const { image, registry_auth: auth } = assignment;
  if (!image)
    throw new StartError(
      "creating_container_error",
      "Cannot run without an image on this host: it runs jobs in Docker",
    );
  if (!isImageName(image))
    throw new StartError("creating_container_error", `Cannot use "${image}" as an image's name`);
  const present = await findImage(docker, image);
  if (present && !isFloating(image)) return present;
  try {
    await pullImage(docker, { image, auth, ...(present ? { silenceMs: REFRESH_SILENCE_MS } : {}) }, hooks);
  } catch (err) {
    if (!present || hooks.signal.aborted || isUnreachable(err)) throw err;
    log.warn("Cannot refresh an image, the one on the host is used", { image, reason: messageOf(err) });
    return present;
  }
  const pulled = await findImage(docker, image);
  if (!pulled)
    throw new StartError("creating_container_error", `Cannot find the image "${image}" after its pull`);
  return pulled;
};

const findImage = async (docker: Docker, image: string): Promise<ImageDefaults | undefined> => {
  try {
    const { Config } = await docker.getImage(image).inspect();
    return { user: Config.User ?? "", workingDir: Config.WorkingDir || "/" };
  } catch (err) {
    if (statusOf(err) === 404) return undefined;
    throw err;
  }
};
