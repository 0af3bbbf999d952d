import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { VERSION } from "../../shared/version.ts";
import type { Context } from "../context.ts";

/**
 * Says once a day that the server is of a newer release than this client. The reference asks a host of its makers for
 * that, at every first command of a day; the server that is spoken to anyway knows as well.
 */
export const noteRelease = (ctx: Context, theirs: string, ours = VERSION): void => {
  if (!ctx.err.isTerminal || !isNewer(theirs, ours)) return;
  const today = new Date(ctx.clock.now()).toISOString().slice(0, 10);
  const marker = join(ctx.home, ".cache", ".dstack", "cli", "told_of_release");
  if (read(marker) === `${today} ${theirs}`) return;
  ctx.err.write(`A new version of dstack is available: ${theirs}\n\n`);
  try {
    mkdirSync(dirname(marker), { recursive: true });
    writeFileSync(marker, `${today} ${theirs}`);
  } catch (err) {
    // It is told again, that is all.
    ctx.log("WARNING", `Cannot write ${marker}: ${String(err)}`);
  }
};

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // Nobody was told yet, or it cannot be known.
    return undefined;
  }
};

/** By their three numbers; what has none is of no release. */
const isNewer = (theirs: string, ours: string): boolean => {
  const [a, b] = [numbersOf(theirs), numbersOf(ours)];
  if (!a || !b) return false;
  const at = a.findIndex((part, index) => part !== b[index]);
  return at >= 0 && (a[at] ?? 0) > (b[at] ?? 0);
};

const numbersOf = (version: string): number[] | undefined =>
  /^(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number);
