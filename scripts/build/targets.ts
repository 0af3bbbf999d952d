import { readdirSync, readFileSync } from "node:fs";

/** A machine that we build for. Names are those of the release files and of install.sh. */
export interface Target {
  name: string;
  bun: Bun.Build.CompileTarget;
  /** npm packages of the platform: the Bun runtime, libSQL's native module, node-pty's (null: none is published). */
  runtime: string;
  libsql: string;
  pty: string | null;
  /** The agent drives Linux hosts only; the command line also runs on a Mac. */
  hasAgent: boolean;
}

export const TARGETS: readonly Target[] = [
  {
    name: "linux-x64",
    bun: "bun-linux-x64",
    runtime: "@oven/bun-linux-x64",
    libsql: "@libsql/linux-x64-gnu",
    pty: "@lydell/node-pty-linux-x64",
    hasAgent: true,
  },
  {
    name: "linux-x64-baseline",
    bun: "bun-linux-x64-baseline",
    runtime: "@oven/bun-linux-x64-baseline",
    libsql: "@libsql/linux-x64-gnu",
    pty: "@lydell/node-pty-linux-x64",
    hasAgent: true,
  },
  {
    name: "linux-x64-musl",
    bun: "bun-linux-x64-musl",
    runtime: "@oven/bun-linux-x64-musl",
    libsql: "@libsql/linux-x64-musl",
    pty: null,
    hasAgent: true,
  },
  {
    name: "linux-arm64",
    bun: "bun-linux-arm64",
    runtime: "@oven/bun-linux-aarch64",
    libsql: "@libsql/linux-arm64-gnu",
    pty: "@lydell/node-pty-linux-arm64",
    hasAgent: true,
  },
  {
    name: "darwin-arm64",
    bun: "bun-darwin-arm64",
    runtime: "@oven/bun-darwin-aarch64",
    libsql: "@libsql/darwin-arm64",
    pty: null,
    hasAgent: false,
  },
];

export const findTarget = (name: string): Target | undefined =>
  TARGETS.find((target) => target.name === name);

export interface Machine {
  platform: string;
  arch: string;
  hasMusl: boolean;
  hasAvx2: boolean;
}

/** The target's name for a machine; install.sh makes the same choice in shell. */
export const targetNameFor = (machine: Machine): string => {
  const base = `${machine.platform}-${machine.arch}`;
  if (base !== "linux-x64") return base;
  if (machine.hasMusl) return "linux-x64-musl";
  return machine.hasAvx2 ? "linux-x64" : "linux-x64-baseline";
};

/** This machine: whoever runs the build can run what is built for it. */
export const thisMachine = (): Machine => {
  const isLinux = process.platform === "linux";
  return {
    platform: process.platform,
    arch: process.arch,
    hasMusl: isLinux && readdirSync("/lib").some((name) => /^ld-musl-.*\.so/.test(name)) && !hasGlibc(),
    hasAvx2: !isLinux || /\bavx2\b/.test(readFileSync("/proc/cpuinfo", "utf8")),
  };
};

/** A glibc system may carry musl's loader beside its own; then the glibc build is the right one. */
const hasGlibc = (): boolean =>
  ["/lib64", "/lib"].some((folder) => {
    try {
      return readdirSync(folder).some((name) => /^ld-linux-.*\.so/.test(name));
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code === "ENOENT") return false;
      throw err;
    }
  });
