import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Finished, run } from "./program.ts";
import { hasProgram } from "./requirements.ts";

const cache = resolve(import.meta.dir, "../../../.cache");

/** Under a lock: test files run side by side. $0: the folder, $1: what pip is to install. */
const INSTALL = `
[ ! -e "$0/complete" ] || exit 0
python3 -m venv "$0" && "$0/bin/pip" install --quiet --disable-pip-version-check "$1" && touch "$0/complete"`;

/** What pip is to install, the program of it that is wanted, and the folder of the cache where later runs find it. */
interface PythonPackage {
  folder: string;
  wanted: string;
  program: string;
}

/** From the package index that this machine's pip is set to. Answers the program's path, or why it cannot be had. */
export const installPythonPackage = async ({
  folder: name,
  wanted,
  program,
}: PythonPackage): Promise<{ path: string } | { reason: string }> => {
  const folder = join(cache, name);
  const path = join(folder, "bin", program);
  if (existsSync(join(folder, "complete"))) return { path };
  const missing = ["python3", "flock"].find((program) => !hasProgram(program));
  if (missing !== undefined) return { reason: `needs ${missing}` };
  mkdirSync(cache, { recursive: true });
  const command = ["flock", `${folder}.lock`, "sh", "-c", INSTALL, folder, wanted];
  const finished = await run(command, { timeoutMs: 240_000 }).catch(
    (err: unknown): Finished => ({ code: -1, stdout: "", stderr: String(err) }),
  );
  if (finished.code === 0) return { path };
  rmSync(folder, { recursive: true, force: true });
  const [last = ""] = (finished.stdout + finished.stderr).trim().split("\n").slice(-1);
  return { reason: `pip install failed: ${last}` };
};
