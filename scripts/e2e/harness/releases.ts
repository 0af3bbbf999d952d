import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { VERSION } from "../../../shared/version.ts";
import { installedFiles } from "../../build/platformPackages.ts";
import { makeRelease } from "../../build/release.ts";
import { findTarget, targetNameFor, thisMachine } from "../../build/targets.ts";
import { AGENT } from "./programs.ts";

const root = resolve(import.meta.dir, "../../..");

const target = () => {
  const found = findTarget(targetNameFor(thisMachine()));
  if (!found) throw new Error("Nothing is built for this machine");
  return found;
};

/** What the coordinator has to offer its agents: a folder of release files that changes while it runs. */
export interface Releases {
  dir: string;
  /** Builds the agent of these sources under another version, which takes long on a busy machine. */
  prepare(version: string): Promise<void>;
  /** One that was prepared, or the sources' own. */
  offer(version: string): Promise<void>;
  /** A script in the agent's place: `run` is what it does when it is started. */
  offerScript(version: string, run: string): Promise<void>;
}

export const openReleases = (dir: string): Releases => {
  const name = `dstack-agent-${target().name}.gz`;
  const put = async (version: string, packed: Uint8Array) => {
    mkdirSync(dir, { recursive: true });
    await Bun.write(join(dir, name), packed);
    const sum = new Bun.CryptoHasher("sha256").update(packed).digest("hex");
    await Bun.write(join(dir, "SHA256SUMS"), `${sum}  ${name}\n`);
    await Bun.write(join(dir, "VERSION"), `${version}\n`);
  };
  return {
    dir,
    prepare: async (version) => void (await buildAgent(version)),
    offer: async (version) => put(version, await Bun.file(join(await buildAgent(version), name)).bytes()),
    offerScript: (version, run) =>
      put(version, Bun.gzipSync(`#!/bin/sh\ncase "$1" in version) echo ${version} ;; run) ${run} ;; esac\n`)),
  };
};

const buildAgent = async (version: string): Promise<string> => {
  // What all whole-system tests run.
  if (version === VERSION) return join(root, "dist");
  const dist = join(root, "dist", "releases", version);
  const filesOf = () => installedFiles(root, target());
  const programs = ["dstack-agent"] as const;
  await makeRelease({ root, dist, targets: [target()], filesOf, say: () => {}, version, programs });
  return dist;
};

/** A copy of the built agent that an upgrade may replace. */
export const installAgent = (dir: string): string => {
  mkdirSync(dir, { recursive: true });
  const program = join(dir, "dstack-agent");
  rmSync(program, { force: true });
  copyFileSync(AGENT, program);
  return program;
};
