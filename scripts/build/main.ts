/** `bun run build`: makes the release files. See `--help`. */
import { existsSync, rmSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { messageOf } from "../../shared/errors.ts";
import { fetchedFiles, installedFiles } from "./platformPackages.ts";
import { makeRelease } from "./release.ts";
import { findTarget, TARGETS, type Target, targetNameFor, thisMachine } from "./targets.ts";

const HELP = `Usage: bun run build [--target NAME]... [--only current] [--out DIR]

Makes dstack and dstack-agent for each target, packed too, with SHA256SUMS. What is up to date stays.

  --target NAME    ${TARGETS.map((target) => target.name).join(", ")} (default: all)
  --only current   this machine's target alone, from what is installed: nothing is downloaded
  --out DIR        where to (default: dist)
  --version TEXT   the version that the programs say they are (default: that of the sources)
`;

const root = resolve(import.meta.dir, "../..");
const { values } = parseArgs({
  options: {
    target: { type: "string", multiple: true },
    only: { type: "string" },
    out: { type: "string", default: "dist" },
    version: { type: "string" },
    help: { type: "boolean", short: "h" },
  },
});

const known = (name: string): Target => {
  const target = findTarget(name);
  if (!target) throw new Error(`Unknown target "${name}"; known: ${TARGETS.map((t) => t.name).join(", ")}`);
  return target;
};

const build = async (): Promise<void> => {
  if (values.only !== undefined && values.only !== "current") {
    throw new Error(`--only takes "current", not "${values.only}"; name others with --target`);
  }
  const dist = resolve(values.out);
  const current = findTarget(targetNameFor(thisMachine()));
  if (values.only === "current" && !current) {
    throw new Error(`Nothing is built for ${process.platform}-${process.arch}; choose a --target`);
  }
  const targets = values.only === "current" && current ? [current] : (values.target?.map(known) ?? TARGETS);
  await makeRelease({
    root,
    dist,
    targets,
    filesOf: (target) =>
      values.only === "current" ? installedFiles(root, target) : fetchedFiles(root, target),
    say: (line) => process.stdout.write(`${line}\n`),
    version: values.version,
  });
  if (!current || !existsSync(join(dist, `dstack-${current.name}`))) return;
  for (const program of ["dstack", "dstack-agent"]) {
    rmSync(join(dist, program), { force: true });
    symlinkSync(`${program}-${current.name}`, join(dist, program));
  }
};

if (values.help) process.stdout.write(HELP);
else {
  try {
    await build();
  } catch (err) {
    process.stderr.write(`${messageOf(err)}\n`);
    process.exitCode = 1;
  }
}
