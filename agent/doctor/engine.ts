import { findEngine } from "../inventory/engine.ts";
import { parseDockerHost } from "../runtime/docker/address.ts";
import { probeContainer } from "../runtime/docker/probe.ts";
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
    await containers(dockerHost, gpuIds),
  ];
};

const containers = async (dockerHost: string, gpuIds: readonly string[]): Promise<Finding> => {
  const what = gpuIds.length === 0 ? "a container" : `a container with ${gpuIds.length} GPUs`;
  const failure = await probeContainer(dockerHost, gpuIds);
  if (failure === undefined) return good("containers", `${what} can be set up`);
  const mend =
    gpuIds.length === 0
      ? "See the engine's own log (journalctl -u docker)"
      : "Install the vendor's container toolkit (for NVIDIA: nvidia-container-toolkit, then nvidia-ctk runtime configure) and restart the engine";
  return bad("containers", `${what} cannot be set up: ${failure}`, mend);
};
