import { chmodSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { nativePlugin } from "./nativePlugin.ts";
import type { PlatformFiles } from "./platformPackages.ts";
import type { Target } from "./targets.ts";

export interface CompileJob {
  entry: string;
  outfile: string;
  target: Target;
  files: PlatformFiles;
  /** Where it is not the sources' own. */
  version?: string | undefined;
}

/** Makes one executable that needs nothing beside itself; replaces an older one only when it is complete. */
export const compile = async ({ entry, outfile, target, files, version }: CompileJob): Promise<void> => {
  mkdirSync(dirname(outfile), { recursive: true });
  const unfinished = `${outfile}.part`;
  try {
    const result = await Bun.build({
      entrypoints: [entry],
      target: "bun",
      // ESM because the entries use top-level await; bytecode because it more than halves the start. What a command does
      // not import is in pieces of its own and is not even looked at, which halves it again.
      format: "esm",
      bytecode: true,
      splitting: true,
      minify: true,
      plugins: [nativePlugin(files)],
      define: {
        DSTACK_BUILD_TARGET: JSON.stringify(target.name),
        ...(version === undefined ? {} : { DSTACK_BUILD_VERSION: JSON.stringify(version) }),
      },
      // A host's own .env, bunfig.toml or tsconfig.json must not change what the program does.
      compile: {
        target: target.bun,
        executablePath: files.runtime,
        outfile: unfinished,
        autoloadDotenv: false,
        autoloadBunfig: false,
        autoloadTsconfig: false,
        autoloadPackageJson: false,
      },
      throw: false,
    });
    if (!result.success)
      throw new Error(`Cannot build "${entry}" for ${target.name}:\n${result.logs.join("\n")}`);
    chmodSync(unfinished, 0o755);
    renameSync(unfinished, outfile);
  } finally {
    rmSync(unfinished, { force: true });
  }
};
