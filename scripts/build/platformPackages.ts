import { cpSync, existsSync, mkdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import type { Target } from "./targets.ts";

/** Files of a platform that go into a binary. */
export interface PlatformFiles {
  /** The Bun executable that the code is appended to. */
  runtime: string;
  libsql: string;
  pty: string | null;
}

const filesIn = (modules: string, target: Target): Omit<PlatformFiles, "runtime"> => ({
  libsql: join(modules, target.libsql, "index.node"),
  pty: target.pty === null ? null : join(modules, target.pty, "pty.node"),
});

/** What this machine has anyway: the running Bun, and the native modules that the root install chose. */
export const installedFiles = (root: string, target: Target): PlatformFiles => ({
  runtime: realpathSync(process.execPath),
  ...filesIn(join(root, "node_modules"), target),
});

/**
 * The same for any target. Package managers install native packages for the present machine only, so those
 * of all targets stand in a manifest of their own, pinned and checked by its own lock file, and are installed
 * under `.cache`. platformPackages.test.ts keeps its versions equal to those of the root manifest.
 */
export const fetchedFiles = async (root: string, target: Target): Promise<PlatformFiles> => {
  const folder = join(root, ".cache", "platform");
  mkdirSync(folder, { recursive: true });
  for (const name of ["package.json", "bun.lock"]) {
    cpSync(join(import.meta.dir, "platform", name), join(folder, name));
  }
  const modules = join(folder, "node_modules");
  const install = Bun.spawn(
    [process.execPath, "install", "--frozen-lockfile", "--ignore-scripts", "--os", "*", "--cpu", "*"],
    { cwd: folder, stdout: "ignore", stderr: "pipe" },
  );
  const [talk, code] = await Promise.all([new Response(install.stderr).text(), install.exited]);
  if (code !== 0) throw new Error(`Cannot install the platform packages in "${folder}":\n${talk.trim()}`);
  const runtime = join(modules, target.runtime, "bin", "bun");
  const files = { runtime, ...filesIn(modules, target) };
  for (const path of [files.runtime, files.libsql, files.pty]) {
    if (path !== null && !existsSync(path)) {
      throw new Error(`Cannot build for ${target.name}: "${path}" is missing after the installation`);
    }
  }
  return files;
};
