import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { compile } from "./compile.ts";
import type { PlatformFiles } from "./platformPackages.ts";
import { sourceHash } from "./sourceHash.ts";
import type { Target } from "./targets.ts";

const PROGRAMS = { dstack: "cli/main.ts", "dstack-agent": "agent/main.ts" } as const;
type Program = keyof typeof PROGRAMS;

const programsFor = (target: Target): Program[] =>
  target.hasAgent ? ["dstack", "dstack-agent"] : ["dstack"];

/** The release file of a program: `dstack-agent-linux-x64`; gzipped, with `.gz`. */
const releaseName = (program: Program, target: Target): string => `${program}-${target.name}`;

export interface ReleaseOptions {
  root: string;
  /** Where the release goes; a folder of our own, as what is out of date in it is deleted. */
  dist: string;
  targets: readonly Target[];
  filesOf: (target: Target) => PlatformFiles | Promise<PlatformFiles>;
  say: (line: string) => void;
}

/**
 * Builds what is missing in `dist`. The file `SOURCES` holds the hash of the sources that everything in the
 * folder was made of, so that one release never mixes two states and an unchanged tree costs nothing.
 */
export const makeRelease = async ({ root, dist, targets, filesOf, say }: ReleaseOptions): Promise<void> => {
  mkdirSync(dist, { recursive: true });
  const stamp = Bun.file(join(dist, "SOURCES"));
  const hash = await sourceHash(root);
  if (!(await stamp.exists()) || (await stamp.text()).trim() !== hash) {
    for (const name of readdirSync(dist)) {
      if (/^(dstack|SHA256SUMS|SOURCES)/.test(name)) rmSync(join(dist, name));
    }
    await stamp.write(`${hash}\n`);
  }
  for (const target of targets) {
    for (const program of programsFor(target)) {
      const outfile = join(dist, releaseName(program, target));
      if (await Bun.file(`${outfile}.gz`).exists()) {
        say(`${releaseName(program, target)}: up to date`);
        continue;
      }
      const startedAt = performance.now();
      await compile({ entry: join(root, PROGRAMS[program]), outfile, target, files: await filesOf(target) });
      const binary = await Bun.file(outfile).bytes();
      const packed = Bun.gzipSync(binary, { library: "libdeflate", level: 6 });
      // Written last: its presence says that the pair is complete.
      await Bun.write(`${outfile}.gz`, packed);
      const megabytes = (bytes: Uint8Array) => `${(bytes.length / 1e6).toFixed(0)} MB`;
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      say(
        `${releaseName(program, target)}: ${megabytes(binary)}, ${megabytes(packed)} gzipped, ${seconds} s`,
      );
    }
  }
  await writeSums(dist);
};

/** `SHA256SUMS`, as `sha256sum -c` reads it, over every release file in the folder. */
const writeSums = async (dist: string): Promise<void> => {
  const names = readdirSync(dist).filter((name) => /^dstack(-agent)?-(linux|darwin)-/.test(name));
  const lines: string[] = [];
  for (const name of names.sort()) {
    const hasher = new Bun.CryptoHasher("sha256");
    for await (const chunk of Bun.file(join(dist, name)).stream()) hasher.update(chunk);
    lines.push(`${hasher.digest("hex")}  ${name}\n`);
  }
  await Bun.write(join(dist, "SHA256SUMS"), lines.join(""));
};
