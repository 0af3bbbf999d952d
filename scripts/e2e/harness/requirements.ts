import { describe } from "bun:test";
import { hasBusybox } from "./image.ts";

/** What a test needs of this machine beyond the compiled programs. */
export type Requirement = "root" | "docker" | "registry" | "python" | "shellcheck";

const hasProgram = (name: string): boolean => Bun.which(name) !== null;

/** Why a requirement is not met here; undefined: it is. `./scripts/test` installs what it can beforehand. */
const REASONS: Record<Requirement, () => string | undefined> = {
  root: () => {
    if (process.getuid?.() !== 0) return "needs root, for network namespaces";
    return hasProgram("ip") && hasProgram("nsenter") ? undefined : "needs iproute2 and util-linux";
  },
  docker: () => {
    if (!hasProgram("dockerd") || !hasProgram("docker")) return "needs dockerd and docker";
    return hasBusybox() ? undefined : "needs /bin/busybox, Debian's busybox-static";
  },
  registry: () => (hasProgram("docker-registry") ? undefined : "needs Debian's docker-registry"),
  shellcheck: () => (hasProgram("shellcheck") ? undefined : "needs shellcheck"),
  python: () => (hasProgram("python3") ? undefined : "needs python3, for the stock client"),
};

/** `describe` that is skipped, with the reason in its name, on a machine that lacks something. */
export const describeWith = (needs: readonly Requirement[], name: string, tests: () => void): void => {
  const reasons = needs.flatMap((need) => REASONS[need]() ?? []);
  if (reasons.length === 0) describe(name, tests);
  else describe.skip(`${name} [${reasons.join("; ")}]`, tests);
};
