import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { constants, zstdCompressSync } from "node:zlib";
import { VERSION } from "../../shared/version.ts";
import { compile } from "./compile.ts";
import type { PlatformFiles } from "./platformPackages.ts";
import { sourceHash } from "./sourceHash.ts";
import type { Target } from "./targets.ts";

const PROGRAMS = { dstack: "cli/main.ts", "dstack-agent": "agent/main.ts" } as const;
type Program = keyof typeof PROGRAMS;

const programsFor = (target: Target): Program[] =>
  target.hasAgent ? ["dstack", "dstack-agent"] : ["dstack"];

/**
 * A tenth smaller than gzip makes it, in some seconds; more would take minutes for another tenth. What is unpacked is copied
 * out of a window that stays in a processor's own cache (1 MiB): four times that makes the file 4 % smaller, and
 * unpacking it half as long again, the more so where other programs want the shared cache.
 */
const ZSTD = { params: { [constants.ZSTD_c_compressionLevel]: 10, [constants.ZSTD_c_windowLog]: 20 } };

/** The release file of a program: `dstack-agent-linux-x64`; gzipped, with `.gz`, and the agent's by Zstandard, with `.zst`. */
const releaseName = (program: Program, target: Target): string => `${program}-${target.name}`;

export interface ReleaseOptions {
  root: string;
  /** Where the release goes; a folder of our own, as what is out of date in it is deleted. */
  dist: string;
  targets: readonly Target[];
  filesOf: (target: Target) => PlatformFiles | Promise<PlatformFiles>;
  say: (line: string) => void;
  /** Where it is not the sources' own (shared/version.ts): for tests of upgrades, and releases of one's own. */
  version?: string | undefined;
  /** Left out: both. */
  programs?: readonly Program[] | undefined;
}

/**
 * Builds what is missing in `dist`. The file `SOURCES` holds the hash of the sources that everything in the
 * folder was made of, so that one release never mixes two states and an unchanged tree costs nothing.
 */
export const makeRelease = async (options: ReleaseOptions): Promise<void> => {
  const { root, dist, targets, filesOf, say, version, programs } = options;
  mkdirSync(dist, { recursive: true });
  const stamp = Bun.file(join(dist, "SOURCES"));
  const hash = `${await sourceHash(root)}${version === undefined ? "" : ` ${version}`}`;
  if (!(await stamp.exists()) || (await stamp.text()).trim() !== hash) {
    for (const name of readdirSync(dist)) {
      if (/^(dstack|SHA256SUMS|SOURCES|VERSION)/.test(name)) rmSync(join(dist, name));
    }
    await stamp.write(`${hash}\n`);
  }
  for (const target of targets) {
    for (const program of programsFor(target).filter((name) => programs?.includes(name) ?? true)) {
      const outfile = join(dist, releaseName(program, target));
      if (await Bun.file(`${outfile}.gz`).exists()) {
        say(`${releaseName(program, target)}: up to date`);
        continue;
      }
      const startedAt = performance.now();
      const entry = join(root, PROGRAMS[program]);
      await compile({ entry, outfile, target, files: await filesOf(target), version });
      const binary = await Bun.file(outfile).bytes();
      const packed = Bun.gzipSync(binary, { library: "libdeflate", level: 6 });
      // Hosts are many, and each unpacks it: 0.2 s of a processor rather than 0.75.
      if (program === "dstack-agent") await Bun.write(`${outfile}.zst`, zstdCompressSync(binary, ZSTD));
      // Written last: its presence says that all is complete.
      await Bun.write(`${outfile}.gz`, packed);
      const megabytes = (bytes: Uint8Array) => `${(bytes.length / 1e6).toFixed(0)} MB`;
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      say(
        `${releaseName(program, target)}: ${megabytes(binary)}, ${megabytes(packed)} gzipped, ${seconds} s`,
      );
    }
  }
  await writeSums(dist);
  // Agents are offered what lies here under this name (coordinator/releases).
  await Bun.write(join(dist, "VERSION"), `${version ?? VERSION}\n`);
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
