import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Finished, run } from "./program.ts";
import { hasProgram } from "./requirements.ts";

/** The oldest and the newest release of the reference whose clients we promise to serve. */
export const STOCK_VERSIONS = ["0.21.2", "0.22.5"] as const;
export type StockVersion = (typeof STOCK_VERSIONS)[number];

const cache = resolve(import.meta.dir, "../../../.cache");

/** Under a lock: test files run side by side. $0: the folder, $1: what pip is to install. */
const INSTALL = `
[ ! -e "$0/complete" ] || exit 0
python3 -m venv "$0" && "$0/bin/pip" install --quiet --disable-pip-version-check "$1" && touch "$0/complete"`;

/**
 * The reference's own command line, from the package index that this machine's pip is set to, in a virtual
 * environment that later runs find again. Answers its path, or why it cannot be had. `extra` is a part of the package
 * that its clients need not have, such as its server.
 */
export const installStockClient = async (
  version: StockVersion = "0.21.2",
  extra?: "server",
): Promise<{ path: string } | { reason: string }> => {
  const [name, wanted] = extra === undefined ? ["client", "dstack"] : [extra, `dstack[${extra}]`];
  const folder = join(cache, `stock-${name}-${version}`);
  const path = join(folder, "bin/dstack");
  if (existsSync(join(folder, "complete"))) return { path };
  const missing = ["python3", "flock"].find((program) => !hasProgram(program));
  if (missing !== undefined) return { reason: `needs ${missing}` };
  mkdirSync(cache, { recursive: true });
  const command = ["flock", `${folder}.lock`, "sh", "-c", INSTALL, folder, `${wanted}==${version}`];
  const finished = await run(command, { timeoutMs: 240_000 }).catch(
    (err: unknown): Finished => ({ code: -1, stdout: "", stderr: String(err) }),
  );
  if (finished.code === 0) return { path };
  rmSync(folder, { recursive: true, force: true });
  const [last = ""] = (finished.stdout + finished.stderr).trim().split("\n").slice(-1);
  return { reason: `pip install failed: ${last}` };
};
