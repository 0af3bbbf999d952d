import { closeSync, constants, openSync } from "node:fs";
import type Docker from "dockerode";
import { readText } from "../../../shared/proc/readText.ts";
import type { IdMap } from "../../sftp/enterRoot.ts";
import { startOnPipes } from "../process/pipes.ts";
import type { ShellProcess } from "../shell.ts";

/** linux/fcntl.h: the folder itself, and nothing that is in it. */
const O_PATH = 0o10_000_000;

export interface HelperOptions {
  /** Unix user; null: the container's own. */
  user: string | null;
  /** How this very program is started again, without arguments. */
  self: readonly string[];
  /** What of it, with what argument. */
  command: (place: { user: string; cwd: string; ids: IdMap }) => [name: string, argument: string];
}

/**
 * A process of the host that has made the container's root its own (agent/sftp/enterRoot.ts): images need nothing for it.
 * Undefined: this agent may not do that, or the container is not on this host.
 */
export const startHelper = async (
  container: Docker.Container,
  { user, self, command }: HelperOptions,
): Promise<ShellProcess | undefined> => {
  if (process.getuid?.() !== 0) return undefined;
  const { State, Config } = await container.inspect();
  const root = openRoot(State.Pid, container.id);
  if (root === undefined) return undefined;
  try {
    const mapOf = (kind: "uid" | "gid") => readText(`/proc/${State.Pid}/${kind}_map`) ?? "";
    const place = {
      user: user ?? (Config.User || "root"),
      cwd: Config.WorkingDir || "/",
      ids: { uid: mapOf("uid"), gid: mapOf("gid") },
    };
    const argv = [...self, ...command(place)];
    return await startOnPipes({ argv, env: {}, cwd: "/", cgroups: [], fourth: root });
  } finally {
    closeSync(root);
  }
};

const openRoot = (pid: number, container: string): number | undefined => {
  if (pid <= 1) return undefined;
  let root: number;
  try {
    root = openSync(`/proc/${pid}/root`, O_PATH | constants.O_DIRECTORY);
  } catch {
    return undefined;
  }
  // Afterwards: the number may have become another process's before it was opened.
  if (readText(`/proc/${pid}/cgroup`)?.includes(container)) return root;
  closeSync(root);
  return undefined;
};
