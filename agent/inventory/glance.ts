import { statSync } from "node:fs";
import { join } from "node:path";
import { parseDockerHost } from "../runtime/docker/address.ts";
import { list } from "./pci.ts";
import { findTool } from "./tool.ts";

export interface GlanceOptions {
  root: string;
  dockerHost: string;
  searchPath?: string;
}

const TOOLS = ["nvidia-smi", "amd-smi", "rocm-smi", "hl-smi", "tt-smi"];
const FOLDERS = ["dev/dri", "dev/accel", "dev/tenstorrent", "proc/driver/nvidia/gpus", "sys/class/accel"];

/**
 * What changes when devices, their drivers, their tools or the engine come or go; costs a few system calls. The text
 * means nothing but that it is another one.
 */
export const glance = ({ root, dockerHost, searchPath }: GlanceOptions): string =>
  JSON.stringify([
    list(join(root, "dev")).filter((name) => /^(nvidia.*|kfd|dxg|hl\d+|infiniband)$/.test(name)),
    FOLDERS.map((folder) => list(join(root, folder))),
    TOOLS.map((name) => stampOf(findTool(name, searchPath))),
    stampOf(socketOf(dockerHost)),
  ]);

const socketOf = (dockerHost: string): string | undefined => {
  try {
    const address = parseDockerHost(dockerHost);
    return "socketPath" in address ? address.socketPath : undefined;
  } catch {
    return undefined;
  }
};

const stampOf = (path: string | null | undefined): string => {
  const found = path ? statSync(path, { throwIfNoEntry: false }) : undefined;
  return found ? `${path} ${found.ino} ${found.mtimeMs} ${found.size}` : "";
};
