import { Readable } from "node:stream";
import type Docker from "dockerode";
import { engineMessage, openDocker, statusOf } from "./client.ts";
import { allFeatures, findSilentLacks } from "./features.ts";
import { attachGpus } from "./gpuAttachment.ts";

/** A name that no image has; a program that is not in it. */
const IMAGE = "dstack-agent-probe";
const COMMAND = "/dstack-agent-probe";
/** What engines say when they have set up everything and then find no program: runc, crun. */
const NO_PROGRAM = /no such file or directory|not found in \$PATH|executable file/i;

/**
 * Has the engine set up a container with these devices, of an image that has nothing in it: all is well when nothing but
 * the program is missing. Nothing is pulled, and everything is removed. Answers what the engine says is wrong.
 */
export const probeContainer = async (
  dockerHost: string,
  gpuIds: readonly string[],
): Promise<string | undefined> => {
  const docker = await openDocker(dockerHost);
  const made: Made = {};
  const wrong = await setUp(docker, gpuIds, made);
  const left = [await remove(made.container), await remove(made.image)].filter((said) => said !== undefined);
  if (wrong !== undefined || left.length === 0) return wrong;
  return `what was set up cannot be removed: ${left.join("; ")}`;
};

interface Made {
  image?: Docker.Image;
  container?: Docker.Container;
}

const setUp = async (docker: Docker, gpuIds: readonly string[], made: Made): Promise<string | undefined> => {
  const features = allFeatures();
  try {
    await findSilentLacks(docker, features);
    made.image = docker.getImage(IMAGE);
    await importNothing(docker);
    const { nvidiaRuntime, habanaRuntime } = features;
    const attached = attachGpus(gpuIds, { display: false, nvidiaRuntime, habanaRuntime, privileged: false });
    made.container = await docker.createContainer({
      Image: IMAGE,
      Cmd: [COMMAND],
      Env: Object.entries(attached.env).map(([name, value]) => `${name}=${value}`),
      HostConfig: { ...attached.host, NetworkMode: "none" },
    });
    await made.container.start();
    return undefined;
  } catch (err) {
    const text = engineMessage(err);
    return made.container && text.includes(COMMAND) && NO_PROGRAM.test(text) ? undefined : text;
  }
};

/** What is not there was not made; of anything else, why it cannot be removed. */
const remove = async (what: Docker.Image | Docker.Container | undefined): Promise<string | undefined> => {
  try {
    await what?.remove({ force: true, v: true });
    return undefined;
  } catch (err) {
    return statusOf(err) === 404 ? undefined : engineMessage(err);
  }
};

/** An image of an empty archive: two blocks of zeros (POSIX pax, ustar interchange format). */
const importNothing = async (docker: Docker): Promise<void> => {
  const progress = await docker.importImage(Readable.from([Buffer.alloc(1024)]), { repo: IMAGE });
  for await (const _ of progress);
};
