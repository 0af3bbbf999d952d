import { existsSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { run } from "./program.ts";

const VERSION = "0.21.2";
const folder = resolve(import.meta.dir, `../../../.cache/stock-client-${VERSION}`);

/**
 * The reference's own command line, from the package index that this machine's pip is set to, in a virtual
 * environment that later runs find again. Answers its path, or why it cannot be had.
 */
export const installStockClient = async (): Promise<{ path: string } | { reason: string }> => {
  const path = join(folder, "bin/dstack");
  if (existsSync(join(folder, "complete"))) return { path };
  rmSync(folder, { recursive: true, force: true });
  const steps = [
    ["python3", "-m", "venv", folder],
    [join(folder, "bin/pip"), "install", "--quiet", "--disable-pip-version-check", `dstack==${VERSION}`],
  ];
  for (const step of steps) {
    const { code, stdout, stderr } = await run(step, { timeoutMs: 240_000 });
    if (code !== 0) {
      rmSync(folder, { recursive: true, force: true });
      const [last = ""] = (stdout + stderr).trim().split("\n").slice(-1);
      return { reason: `${step.slice(0, 3).join(" ")} failed: ${last}` };
    }
  }
  await Bun.write(join(folder, "complete"), VERSION);
  return { path };
};
