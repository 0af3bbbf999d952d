import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { type Finished, run, runOk } from "./program.ts";
import { AGENT } from "./programs.ts";
import { hasProgram } from "./requirements.ts";
import { withoutRelr } from "./withoutRelr.ts";

const root = resolve(import.meta.dir, "../../..");
const cache = join(root, ".cache");

export const MUSL_AGENT = "dstack-agent-linux-x64-musl";

type Found = { folder: string } | { reason: string };

/**
 * A small package of the Python index that brings the C++ library of Alpine, as many do: GCC's for musl is nowhere in Debian.
 * $0: the folder.
 */
const FETCH = `
[ ! -e "$0/complete" ] || exit 0
rm -rf "$0"
python3 -m venv "$0/venv"
"$0/venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --dest "$0" \
  --platform musllinux_1_2_x86_64 --python-version 3.11 --implementation cp --abi cp311 contourpy==1.3.0
python3 -m zipfile -e "$0"/*.whl "$0/unpacked"
rm -rf "$0/venv"
touch "$0/complete"`;

/** A folder with libstdc++.so.6 and libgcc_s.so.1 for musl, as Alpine has them in /usr/lib. */
export const findMuslLibraries = async (): Promise<Found> => {
  const missing = ["python3", "flock"].find((program) => !hasProgram(program));
  if (missing !== undefined) return { reason: `needs ${missing}` };
  const fetched = join(cache, "musl-libraries");
  mkdirSync(cache, { recursive: true });
  const ended = await run(["flock", `${fetched}.lock`, "sh", "-euc", FETCH, fetched], {
    timeoutMs: 240_000,
  }).catch((err: unknown): Finished => ({ code: -1, stdout: "", stderr: String(err) }));
  if (ended.code !== 0)
    return { reason: `no C++ library for musl: ${ended.stderr.trim().split("\n").at(-1)}` };
  const from = join(fetched, "unpacked", "contourpy.libs");
  const folder = join(fetched, "lib");
  mkdirSync(folder, { recursive: true });
  for (const file of readdirSync(from)) {
    // Such packages add a part to the names of what they bring, under which these know each other.
    const [, name] = /^(lib[a-z_+]+)-\w+\.so\.\d/.exec(file) ?? [];
    if (name === undefined || existsSync(join(folder, file))) continue;
    writeFileSync(join(folder, file), withoutRelr(readFileSync(join(from, file))));
    symlinkSync(file, join(folder, `${name}.so.${name === "libgcc_s" ? 1 : 6}`));
  }
  return { folder };
};

/** A folder with the release for musl: in dist/ where somebody has built it; with `isLong` it is made, in half a minute. */
export const findMuslBuild = async ({ isLong }: { isLong: boolean }): Promise<Found> => {
  const dist = dirname(AGENT);
  if (existsSync(join(dist, `${MUSL_AGENT}.gz`))) return { folder: dist };
  if (!isLong)
    return { reason: "needs a build for musl: bun run build --target linux-x64-musl, or DSTACK_E2E_LONG=1" };
  const folder = join(cache, "musl-build");
  const target = ["--target", "linux-x64-musl", "--out", folder];
  await runOk([process.execPath, "scripts/build/main.ts", ...target], { cwd: root, timeoutMs: 600_000 });
  return { folder };
};
