import { readFileSync } from "node:fs";
import { hostname, networkInterfaces, release } from "node:os";
import { AppError } from "../../shared/errors.ts";
import type { Inventory } from "../../shared/protocol/inventory.ts";

type Host = Pick<Inventory, "hostname" | "arch" | "os" | "kernel" | "addresses">;

/** What the kernel and the distribution say this host is. Throws where the architecture is none that jobs know. */
export const readHost = (): Host => ({
  hostname: hostname(),
  arch: archOf(process.arch),
  os: osName(readOsRelease()),
  kernel: release(),
  addresses: hostAddresses(networkInterfaces()),
});

const archOf = (arch: string): Inventory["arch"] => {
  if (arch === "x64") return "x86";
  if (arch === "arm64") return "arm";
  throw new AppError(
    "unsupported",
    `Cannot run jobs on "${arch}": only 64-bit x86 and ARM hosts are supported`,
  );
};

const readOsRelease = (): string => {
  try {
    return readFileSync("/etc/os-release", "utf8");
  } catch {
    return "";
  }
};

/** `Ubuntu 24.04.1 LTS`, from os-release(5). */
export const osName = (osRelease: string): string => {
  const value = /^PRETTY_NAME=(.*)$/m.exec(osRelease)?.[1]?.trim() ?? "";
  return value.replace(/^(["'])(.*)\1$/, "$2") || process.platform;
};

/**
 * Non-loopback addresses in CIDR form, in interface order (docs/spec/agent.md §1.7). Without those of containers' own
 * ends (veth), which come and go with every job and are nobody's way to the host.
 */
export const hostAddresses = (interfaces: ReturnType<typeof networkInterfaces>): string[] =>
  Object.entries(interfaces)
    .flatMap(([name, addresses]) => (name.startsWith("veth") ? [] : (addresses ?? [])))
    .flatMap(({ internal, cidr }) => (internal || cidr === null ? [] : cidr));
