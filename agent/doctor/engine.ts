import type Docker from "dockerode";
import { findEngine } from "../inventory/engine.ts";
import { parseDockerHost } from "../runtime/docker/address.ts";
import { engineMessage, openDocker } from "../runtime/docker/client.ts";
import { allFeatures, findSilentLacks } from "../runtime/docker/features.ts";
import { attachGpus } from "../runtime/docker/gpuAttachment.ts";
import { checkSpace } from "./disk.ts";
import { bad, type Finding, good, hint } from "./finding.ts";

/** The container engine: whether it answers this user, and whether containers come up with this host's devices. */
export const checkEngine = async (
  dockerHost: string,
  gpuIds: readonly string[],
  { isNeeded, signal }: { isNeeded: boolean; signal: AbortSignal },
): Promise<Finding[]> => {
  const found = await findEngine(dockerHost, signal, 0);
  if (!("engine" in found)) {
    const mend = "Install Docker or Podman and start it, and let this user use its socket (group docker)";
    return [
      isNeeded
        ? bad("engine", found.reason, mend)
        : hint("engine", `${found.reason}; jobs run as processes`, mend),
    ];
  }
  const { version, rootDir } = found.engine;
  const isHere = "socketPath" in parseDockerHost(dockerHost);
  return [
    good("engine", `version ${version} at ${dockerHost}`),
    ...(isHere ? [await checkSpace("images and containers", rootDir)] : []),
    await probe(await openDocker(dockerHost), gpuIds),
  ];
};

/** A name that no image has; a file that is not in it. */
const IMAGE = "dstack-agent-doctor";
const COMMAND = "/dstack-agent-doctor";
/** What engines say when they have set up everything and then find no program: runc, crun. */
const NO_PROGRAM = /no such file or directory|not found in \$PATH|executable file/i;

/**
 * Has a container with all devices set up, of an image that has nothing in it: it is known to be fine when all that is
 * missing is the program. Nothing is pulled, and everything is removed.
 */
const probe = async (docker: Docker, gpuIds: readonly string[]): Promise<Finding> => {
  const what = gpuIds.length === 0 ? "a container" : `a container with ${gpuIds.length} GPUs`;
  const mend =
    gpuIds.length === 0
      ? "See the engine's own log (journalctl -u docker)"
      : "Install the vendor's container toolkit (for NVIDIA: nvidia-container-toolkit, then nvidia-ctk runtime configure) and restart the engine";
  const features = allFeatures();
  let container: Docker.Container | undefined;
  try {
    await findSilentLacks(docker, features);
    await importNothing(docker);
    const { display: _, nvidiaRuntime, habanaRuntime } = features;
    const attached = attachGpus(gpuIds, { display: false, nvidiaRuntime, habanaRuntime, privileged: false });
    container = await docker.createContainer({
      Image: IMAGE,
      Cmd: [COMMAND],
      Env: Object.entries(attached.env).map(([name, value]) => `${name}=${value}`),
      HostConfig: { ...attached.host, NetworkMode: "none" },
    });
    await container.start();
    return good("containers", `${what} starts`);
  } catch (err) {
    const text = engineMessage(err);
    if (container && text.includes(COMMAND) && NO_PROGRAM.test(text))
      return good("containers", `${what} is set up`);
    return bad("containers", `${what} cannot be set up: ${text}`, mend);
  } finally {
    await container?.remove({ force: true, v: true }).catch(() => undefined);
    await docker
      .getImage(IMAGE)
      .remove({ force: true })
      .catch(() => undefined);
  }
};

/** An image of an empty archive: two blocks of zeros (POSIX pax, ustar interchange format). */
const importNothing = async (docker: Docker): Promise<void> => {
  const { Readable } = await import("node:stream");
  const progress = await docker.importImage(Readable.from([Buffer.alloc(1024)]) as never, { repo: IMAGE });
  for await (const _ of progress);
};
