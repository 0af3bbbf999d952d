import type { SshRights } from "../../shared/api/fleets.ts";
import { AppError } from "../../shared/errors.ts";
import type { Probe } from "./probe.ts";
import type { Sudo } from "./remoteScript.ts";

/** All that the next step depends on. */
export interface HostFacts {
  hostname: string;
  probe: Probe;
  /** Where the coordinator says that it is. */
  url: string;
  /** By the coordinator's clock, in milliseconds since 1970. */
  now: number;
  hasSudoPassword: boolean;
  /** The password was tried, and is right. */
  isPasswordChecked: boolean;
  /** The agent's program was sent. */
  isSent: boolean;
  /** What the host cannot reach by itself it reaches through this login. */
  isCarried: boolean;
}

export type HostAction =
  | { do: "check_password" }
  /** Has the host reach the coordinator through the login. */
  | { do: "carry" }
  /** Sends the agent's program, of this target. */
  | { do: "send"; target: string }
  | { do: "install"; sudo: Sudo; rights: SshRights; from: "file" | "url" };

/** Program, what it is packed in, and what the installer needs beside both. */
const NEEDED_KIB = 300 * 1024;

/** A proof by a host's key is not taken from a clock that is further off (domain/instances/enroll.ts). */
const MOST_OFF_MS = 10 * 60_000;

const UNAVAILABLE = "unavailable";

/** What is to be done next; throws where nothing can be. Host, what was wrong, and what to do are in the words. */
export const nextAction = (facts: HostFacts): HostAction => {
  const { probe, hasSudoPassword, isPasswordChecked, isSent, isCarried } = facts;
  const target = targetFor(facts);
  refuseClock(facts);
  const { sudo, rights } = rightsFor(facts);
  refuseDisk(facts, sudo === "none" && !probe.isRoot ? probe.freeForUser : probe.freeForRoot);
  if ((probe.reach === "no" || isOnlyLocal(facts)) && !isCarried) return { do: "carry" };
  if (sudo === "password" && hasSudoPassword && !isPasswordChecked) return { do: "check_password" };
  const mustSend = probe.tool === "none";
  if (mustSend && !isSent) return { do: "send", target };
  return { do: "install", sudo, rights, from: mustSend ? "file" : "url" };
};

const refuse = (
  { hostname }: Pick<HostFacts, "hostname">,
  code: "unavailable" | "unsupported",
  { what, hint }: { what: string; hint: string },
): AppError => new AppError(code, `looking: ${hostname} ${what}`, { hint });

const BUILDS = "agents are built for Linux on x86_64 (glibc or musl) and arm64 (glibc)";

/** Which build runs there (scripts/build/targets.ts). */
const targetFor = (facts: HostFacts): string => {
  const { os, machine, libc, hasAvx2 } = facts.probe;
  const none = (what: string) =>
    refuse(facts, "unsupported", { what, hint: `Take it out of the fleet, or set it up anew: ${BUILDS}` });
  if (os !== "Linux") throw none(`runs ${os || "no known system"}, not Linux`);
  if (libc === "none")
    throw none(`has neither glibc nor musl for ${machine} in the usual place (is it a 32-bit system?)`);
  switch (machine) {
    case "x86_64":
    case "amd64":
      if (libc === "musl") return "linux-x64-musl";
      return hasAvx2 ? "linux-x64" : "linux-x64-baseline";
    case "aarch64":
    case "arm64":
      if (libc === "musl") throw none(`is ${machine} with musl`);
      return "linux-arm64";
    default:
      throw none(`is ${machine}`);
  }
};

const refuseClock = (facts: HostFacts): void => {
  const offMs = facts.probe.clock * 1000 - facts.now;
  if (Math.abs(offMs) <= MOST_OFF_MS) return;
  const minutes = Math.round(Math.abs(offMs) / 60_000);
  throw refuse(facts, UNAVAILABLE, {
    what: `has a clock that is ${minutes} minutes ${offMs > 0 ? "ahead" : "behind"}`,
    hint: "Set it (for example with an NTP service: timedatectl set-ntp true); it is tried again",
  });
};

const rightsFor = ({ probe, hasSudoPassword }: HostFacts): { sudo: Sudo; rights: SshRights } => {
  if (probe.isRoot) return { sudo: "none", rights: "root" };
  if (probe.sudo === "free") return { sudo: "free", rights: "sudo" };
  if (probe.sudo === "password" && hasSudoPassword)
    return { sudo: "password", rights: "sudo with a password" };
  return { sudo: "none", rights: "user" };
};

const refuseDisk = (facts: HostFacts, freeKib: number | null): void => {
  if (freeKib === null || freeKib >= NEEDED_KIB) return;
  throw refuse(facts, UNAVAILABLE, {
    what: `has ${Math.floor(freeKib / 1024)} MiB left where the agent would be; ${NEEDED_KIB / 1024} MiB are needed`,
    hint: "Make room there; it is tried again",
  });
};

const LOOPBACK = /^(?:127\.|localhost$|\[?::1\]?$)/;

/** An address of this machine alone means another machine to any host but this one. */
const isOnlyLocal = ({ url, hostname }: HostFacts): boolean =>
  LOOPBACK.test(new URL(url).hostname) && !LOOPBACK.test(hostname);
