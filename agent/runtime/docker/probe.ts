import { Readable } from "node:stream";
import type Docker from "dockerode";
import { engineMessage, openDocker } from "./client.ts";
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
  const features = allFeatures();
  let container: Docker.Container | undefined;
  try {
    await findSilentLacks(docker, features);
    await importNothing(docker);
    const { nvidiaRuntime, habanaRuntime } = features;
    const attached = attachGpus(gpuIds, { display: false, nvidiaRuntime, habanaRuntime, privileged: false });
    container = await docker.createContainer({
      Image: IMAGE,
      Cmd: [COMMAND],
      Env: Object.entries(attached.env).map(([name, value]) => `${name}=${value}`),
      HostConfig: { ...attached.host, NetworkMode: "none" },
    });
    await container.start();
    return undefined;
  } catch (err) {
    const text = engineMessage(err);
    return container && text.includes(COMMAND) && NO_PROGRAM.test(text) ? undefined : text;
  } finally {
    // What cannot be removed was not made.
    await container?.remove({ force: true, v: true }).catch(() => undefined);
    await docker
      .getImage(IMAGE)
      .remove({ force: true })
      .catch(() => undefined);
  }
};

/** An image of an empty archive: two blocks of zeros (POSIX pax, ustar interchange format). */
const importNothing = async (docker: Docker): Promise<void> => {
  const progress = await docker.importImage(Readable.from([Buffer.alloc(1024)]), { repo: IMAGE });
  for await (const _ of progress);
};
