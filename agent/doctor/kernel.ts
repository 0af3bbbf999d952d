import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { bad, type Finding, good, hint } from "./finding.ts";

/** `root`: for tests, another place of /proc and /sys. */
interface KernelOptions {
  root?: string;
  /** Whose limits: the agent's, while one runs. */
  pid?: number | "self";
}

/** The oldest kernel on which everything that we use of it is there (pidfd, cgroup.kill comes with 5.14). */
const OLDEST = [5, 4] as const;
const FILES_WANTED = 65_536;

/** Kernel, cgroups and limits: what bounds jobs, and what bounds the agent. */
export const checkKernel = ({ root = "/", pid = "self" }: KernelOptions = {}): Finding[] => [
  kernel(root),
  cgroups(root),
  openFiles(root, pid),
];

const kernel = (root: string): Finding => {
  const release = read(join(root, "proc/sys/kernel/osrelease")).trim();
  const [major = 0, minor = 0] = release.split(".").map(Number);
  const isOld = major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]);
  if (!isOld) return good("kernel", `Linux ${release}`);
  return hint(
    "kernel",
    `Linux ${release} is older than ${OLDEST.join(".")}`,
    "Upgrade the kernel of the host",
  );
};

const cgroups = (root: string): Finding => {
  if (existsSync(join(root, "sys/fs/cgroup/cgroup.controllers"))) return good("cgroups", "version 2");
  const mend = "Start the host with systemd.unified_cgroup_hierarchy=1 on the kernel's command line";
  if (existsSync(join(root, "sys/fs/cgroup/memory")))
    return hint("cgroups", "version 1: processes get no limits, and usage is not measured everywhere", mend);
  return hint("cgroups", "none are mounted: jobs get no limits of their own", mend);
};

const openFiles = (root: string, pid: number | "self"): Finding => {
  const [, soft = "0", hard = "0"] =
    /^Max open files\s+(\S+)\s+(\S+)/m.exec(read(join(root, "proc", String(pid), "limits"))) ?? [];
  const whose = pid === "self" ? "this shell" : "the agent";
  const text = `${soft} open files for ${whose} (at most ${hard})`;
  if (hard === "unlimited" || Number(hard) >= FILES_WANTED) return good("limits", text);
  return hint(
    "limits",
    text,
    `Set LimitNOFILE=${FILES_WANTED} in the service, or raise the limit for this user`,
  );
};

const read = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // Not mounted here, or another user's: what is read of it is then not there.
    return "";
  }
};

/** Whether the user may do what the agent does for jobs. */
export const checkUser = (uid: number): Finding => {
  if (uid === 0) return good("user", "root");
  return hint(
    "user",
    `uid ${uid}: jobs run as this user, and processes get no limits`,
    "Run the agent as root where jobs are to have users or limits of their own; else this is as it should be",
  );
};

/** The state directory is the agent's alone: it holds the host's key. */
export const checkStateDir = (mode: number | undefined, path: string): Finding => {
  if (mode === undefined)
    return bad("state", `${path} is not there`, "Join the host: dstack-agent join --url URL");
  if ((mode & 0o077) === 0) return good("state", path);
  return bad("state", `${path} is open to others (mode ${(mode & 0o777).toString(8)})`, `chmod 700 ${path}`);
};
