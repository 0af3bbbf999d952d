import { describe } from "bun:test";
import { existsSync } from "node:fs";
import { hasPebble } from "../../../coordinator/testing/pebble.ts";
import { findFaketime } from "./faketime.ts";
import { hasBusybox } from "./image.ts";
import { AGENT, DSTACK } from "./programs.ts";

/** What a test needs of this machine. */
export type Requirement =
  | "programs"
  | "curl"
  | "pebble"
  | "reverseProxies"
  | "faketime"
  | "musl"
  | "sshd"
  | "tcpdump"
  | "root"
  | "docker"
  | "podman"
  | "registry"
  | "shellcheck"
  | "tmux";

export const hasProgram = (name: string): boolean => Bun.which(name) !== null;

const tells = (command: string[]): boolean => Bun.spawnSync(command).stdout.length > 0;

/** Why a requirement is not met here; undefined: it is. `./scripts/test` installs what it can beforehand. */
const REASONS: Record<Requirement, () => string | undefined> = {
  programs: () =>
    [DSTACK, AGENT].every((program) => existsSync(program)) && tells([AGENT, "version"])
      ? undefined
      : "needs the compiled programs: bun run build --only current",
  curl: () => (hasProgram("curl") ? undefined : "needs curl"),
  faketime: () => (findFaketime() ? undefined : "needs Debian's faketime"),
  musl: () => (existsSync("/lib/ld-musl-x86_64.so.1") ? undefined : "needs Debian's musl, on x86-64"),
  reverseProxies: () =>
    hasProgram("nginx") && hasProgram("caddy") ? undefined : "needs Debian's nginx-light and caddy",
  pebble: () => (hasPebble ? undefined : "needs Debian's pebble"),
  sshd: () =>
    hasProgram("sshd") && hasProgram("sudo") ? undefined : "needs Debian's openssh-server and sudo",
  tcpdump: () => (hasProgram("tcpdump") ? undefined : "needs tcpdump"),
  root: () => {
    if (process.getuid?.() !== 0) return "needs root, for network namespaces";
    return hasProgram("ip") && hasProgram("nsenter") ? undefined : "needs iproute2 and util-linux";
  },
  docker: () => {
    if (!hasProgram("dockerd") || !hasProgram("docker")) return "needs dockerd and docker";
    return hasBusybox() ? undefined : "needs /bin/busybox, Debian's busybox-static";
  },
  podman: () => (hasProgram("podman") && hasProgram("runc") ? undefined : "needs Debian's podman"),
  registry: () => (hasProgram("docker-registry") ? undefined : "needs Debian's docker-registry"),
  tmux: () => (hasProgram("tmux") ? undefined : "needs tmux"),
  shellcheck: () => (hasProgram("shellcheck") ? undefined : "needs shellcheck"),
};

/** Several hosts of the process runtime, each in a network of its own. */
export const NEEDS_CLUSTER: readonly Requirement[] = ["programs", "root"];

/** Why this machine cannot have all that is needed; empty: it can. */
export const reasonsAgainst = (needs: readonly Requirement[]): string[] =>
  needs.flatMap((need) => REASONS[need]() ?? []);

/** `describe` that is skipped, with the reason in its name, on a machine that lacks something. */
export const describeWith = (needs: readonly Requirement[], name: string, tests: () => void): void => {
  const reasons = reasonsAgainst(needs);
  if (reasons.length === 0) describe(name, tests);
  else describe.skip(`${name} [${reasons.join("; ")}]`, tests);
};
